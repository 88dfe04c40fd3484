// output = row_scale ⊙ (a · bᵀ) ⊙ act(gate) for strides divisible by 4; matmul_bt_any.wgsl takes the others, and
// matmul_bt_subgroup.wgsl the large ones on software adapters.
// a (m, k), b (≥ n, ≥ k), output (m, n), row-major, bound as vec4: n, k and the row length of b are multiples of 4. Either
// factor may be absent: see common/matmul_factors.wgsl.
// One thread computes 8 rows × 8 columns in registers, without workgroup memory and without barriers: see
// common/tile_8x8.wgsl. Accumulates in f32, in order of k.

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y * 8u;
  let col = thread.x * 2u; // in vec4
  if (row < params.m && 4u * col < params.n) {
    compute_tile(row, col, 0u, params.k / 4u);
  }
}
