// output = a · b, for any sizes: the twin of matmul.wgsl for strides that are not multiples of 4.
// a (m, k), b (k, ≥ n), output (m, n), row-major. One thread an element. Accumulates in f32, in order of k.

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y;
  let col = thread.x;
  if (row >= params.m || col >= params.n) {
    return;
  }
  var sum = 0.0;
  for (var kk = 0u; kk < params.k; kk++) {
    sum += a[row * params.a_stride + kk] * b[kk * params.b_stride + col];
  }
  store(row, col, sum);
}
