// output = row_scale ⊙ (a · bᵀ) ⊙ act(gate): the twin of matmul_bt.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds, and long code twice as much as short. One thread computes a panel of rows at 8
// columns, and the lanes of a quad share the loads of the left side: see common/row_panel.wgsl.
// Accumulates in f32: what 64 steps of k give is added to the output, in order.

enable subgroups;

override WORKGROUP_SIZE: u32 = 4; // a multiple of 4: whole quads

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let col = (group_id.x * WORKGROUP_SIZE + thread) * 2u; // in vec4
  let rows = (params.m + groups.y - 1u) / groups.y;
  let first = min(group_id.y * rows, params.m);
  let end = min(first + rows, params.m);
  compute_panel(first, end, col, subgroup_lane & 3u);
  // Factors come last, each a loop as in common/matmul_factor_counts.wgsl: the output is nothing but the product then.
  let rounds = min(row_scale_count() + gate_count(), 1u) * (end - first);
  for (var row = first; row < first + rounds; row++) {
    multiply(row, col);
    multiply(row, col + 1u);
  }
}

fn multiply(row: u32, col: u32) {
  if (col < params.n / 4u) {
    let at = row * (params.output_stride / 4u) + col;
    var product = output[at];
    for (var once = row_scale_count(); once > 0u; once--) {
      product *= row_scale[row];
    }
    for (var once = gate_count(); once > 0u; once--) {
      let x = gate[at];
      product *= vec4f(activate(x.x), activate(x.y), activate(x.z), activate(x.w));
    }
    output[at] = product;
  }
}
