// covariance += XᵀX on and above the diagonal: the twin of covariance.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds, and long code twice as much as short. One thread computes a panel of rows at 8
// columns, and the lanes of a quad share the loads of the left side: see common/row_panel.wgsl. n is a multiple of 8.
// X is bound twice: left_states as numbers, hidden_states as vec4.
// Numerics: products of 64 rows of X are summed in f32, and added to the running sum, which is a pair (common/paired_sum.wgsl).

enable subgroups;

struct Params {
  rows: u32,
  n: u32,
  summation: u32,
}

@group(0) @binding(0) var<storage, read> left_states: array<f32>;
@group(0) @binding(1) var<storage, read> hidden_states: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> covariance: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> low: array<vec4f>; // not used by SUMMATION_PLAIN
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 4; // a multiple of 4: whole quads

fn last_step() -> u32 {
  return params.rows - 1u;
}

fn left_columns() -> u32 {
  return params.n;
}

fn left_value(at: u32) -> f32 {
  return left_states[at];
}

fn right_step(step: u32, column: u32) -> vec4f {
  return hidden_states[step * (params.n / 4u) + column];
}

fn is_added() -> bool {
  return true;
}

fn panel_store(row: u32, col: u32, c: vec4f, d: vec4f, adds: bool) {
  store(row, col, c);
  store(row, col + 1u, d);
}

fn store(row: u32, col: u32, sum: vec4f) {
  if (col < params.n / 4u && 4u * col + 3u >= row) {
    let is_above = vec4u(4u * col) + vec4u(0u, 1u, 2u, 3u) >= vec4u(row);
    let at = row * (params.n / 4u) + col;
    // A sum that is no pair is rounded, as the high part of one that is added to by floats.
    let added = add_to_pair(Pair(covariance[at], low[at]), select(vec4f(), sum, is_above));
    covariance[at] = added.high;
    if (params.summation != SUMMATION_PLAIN) {
      low[at] = added.low;
    }
  }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let col = (group_id.x * WORKGROUP_SIZE + thread) * 2u; // in vec4
  // Rows down to the diagonal in the workgroup's last column, so that its lanes stay together.
  let above = min((group_id.x + 1u) * WORKGROUP_SIZE * 8u, params.n);
  let rows = (params.n + groups.y - 1u) / groups.y;
  let first = min(group_id.y * rows, above);
  compute_panel(first, min(first + rows, above), col, subgroup_lane & 3u);
}
