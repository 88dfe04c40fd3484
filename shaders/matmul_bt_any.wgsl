// output = row_scale ⊙ (a · bᵀ) ⊙ act(gate), for any sizes: the twin of matmul_bt.wgsl for strides that are not multiples of
// 4, with the factors of common/matmul_factors.wgsl.
// a (m, k), b (≥ n, ≥ k), gate and output (m, n), row-major. One thread an element. Accumulates in f32, in order of k.

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> gate: array<f32>; // rows as long as those of output
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

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
    sum += a[row * params.a_stride + kk] * b[col * params.b_stride + kk];
  }
  let at = row * params.output_stride + col;
  if (HAS_ROW_SCALE == 1u) {
    sum *= row_scale[row];
  }
  if (HAS_GATE == 1u) {
    sum *= activate(gate[at]);
  }
  if (params.accumulate == 0u) {
    output[at] = sum;
  } else {
    output[at] = output[at] + sum;
  }
}
