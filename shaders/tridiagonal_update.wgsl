// What a panel of reflectors does to the rest of the matrix, A −= V·Wᵀ + W·Vᵀ, and to the vectors that they turn back,
// Z −= V·Yᵀ: see common/tridiagonal_update_operands.wgsl; tridiagonal_update_subgroup.wgsl is its twin for software
// adapters. One thread computes 8 rows × 8 columns in registers: common/tile_8x8.wgsl.

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;

fn left(row: u32, kk: u32) -> mat4x4f {
  return mat4x4f(left_vector(row, kk), left_vector(row + 1, kk), left_vector(row + 2, kk), left_vector(row + 3, kk));
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = params.first_row + thread.y * 8;
  let column = params.first_column + thread.x * 8;
  if (row >= params.size || column >= params.size || (params.is_upper == 1 && column / 16 < row / 16)) {
    return;
  }
  compute_tile(row, column / 4, 0, params.k_count / 4);
}
