// covariance += XᵀX on and above the diagonal, for n divisible by 4; covariance_any.wgsl takes the others, and
// covariance_subgroup.wgsl the large ones on software adapters.
// hidden_states X (rows, n), covariance (n, n), row-major, bound as vec4. One thread owns 8 × 8 elements of covariance,
// without workgroup memory and without barriers (common/tile_8x8.wgsl); tiles below the diagonal do nothing.
// Numerics: products are summed in registers over chunks of CHUNK rows (a multiple of 4), and each chunk is added to the
// running sum, which is a pair (common/paired_sum.wgsl): the f32 error is that of a chunk, however many there are.

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;
override CHUNK: u32 = 256;

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y * 8u;
  let col = thread.x * 2u; // in vec4
  if (row >= params.n || 4u * col >= params.n || 4u * col + 7u < row) {
    return;
  }
  let steps = (params.rows + 3u) / 4u;
  for (var first = 0u; first < steps; first += CHUNK / 4u) {
    compute_tile(row, col, first, min(first + CHUNK / 4u, steps));
  }
}
