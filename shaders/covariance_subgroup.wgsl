// covariance += XᵀX on and above the diagonal: the twin of covariance.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds. One thread computes 32 rows × 16 columns in registers, and four lanes share
// the loads of the left side: see common/tile_32x16.wgsl; a subgroup must have at least four.
// Numerics as there.

enable subgroups;

override WORKGROUP_SIZE: u32 = 4; // at least 4
override CHUNK: u32 = 256;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let row = group_id.y * 32u;
  let col = (group_id.x * WORKGROUP_SIZE + thread) * 4u; // in vec4
  // The last column of the workgroup decides, so that its lanes stay together.
  if ((group_id.x + 1u) * WORKGROUP_SIZE * 16u <= row) {
    return;
  }
  let steps = (params.rows + 3u) / 4u;
  for (var first = 0u; first < steps; first += CHUNK / 4u) {
    compute_tile(row, col, subgroup_lane % 4u, first, min(first + CHUNK / 4u, steps));
  }
}
