// ZᵀV for a block of reflectors V, whose rows above `first` are zero and skipped: see
// common/tridiagonal_project_operands.wgsl; tridiagonal_project_subgroup.wgsl is its twin for software adapters. One thread
// computes 8 rows × 8 columns in registers: common/tile_8x8.wgsl. Accumulates in f32, in order of the rows.

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y * 8;
  let col = thread.x * 2; // in vec4
  if (row < params.m && 4 * col < params.n) {
    compute_tile(row, col, params.first / 4, (params.rows + 3) / 4);
  }
}
