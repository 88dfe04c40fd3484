// output = row_scale ⊙ (a · bᵀ) ⊙ act(gate): the twin of matmul_bt.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds. One thread computes 32 rows × 16 columns in registers, and four lanes share
// the loads of the left side: see common/tile_32x16.wgsl; a subgroup must have at least four.
// Accumulates in f32, in order of k.

enable subgroups;

override WORKGROUP_SIZE: u32 = 4; // at least 4

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let col = (group_id.x * WORKGROUP_SIZE + thread) * 4u; // in vec4
  compute_tile(group_id.y * 32u, col, subgroup_lane % 4u, 0u, params.k / 4u);
}
