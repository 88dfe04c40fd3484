// output = a · bᵀ for strides divisible by 4; matmul_bt_any.wgsl takes the others. This is y = x · Wᵀ, the kernel that
// a model spends most of its time in.
// a (m, k), b (≥ n, ≥ k), output (m, n), row-major, bound as vec4: n, k and b's row length are multiples of 4.
// One thread computes 8 rows × 8 columns in registers, without workgroup memory and without barriers. Four rows of b at
// four steps of k are transposed in registers, so that the inner products become the same updates as in matmul.wgsl.
// Accumulates in f32, in order of k.

struct Params {
  m: u32,
  n: u32,
  k: u32,
  a_stride: u32,
  b_stride: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;

fn store(row: u32, col: u32, columns: u32, low: vec4f, high: vec4f) {
  if (row >= params.m) {
    return;
  }
  if (col < columns) {
    output[row * columns + col] = low;
  }
  if (col + 1u < columns) {
    output[row * columns + col + 1u] = high;
  }
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y * 8u;
  let col = thread.x * 2u; // in vec4
  let columns = params.n / 4u; // of output, in vec4
  if (row >= params.m || col >= columns) {
    return;
  }
  let a_columns = params.a_stride / 4u;
  let b_columns = params.b_stride / 4u;
  let ks = params.k / 4u;
  // Tail tiles read the last row or column again instead of testing in the loop; only the stores are guarded.
  let a0 = min(row + 0u, params.m - 1u) * a_columns;
  let a1 = min(row + 1u, params.m - 1u) * a_columns;
  let a2 = min(row + 2u, params.m - 1u) * a_columns;
  let a3 = min(row + 3u, params.m - 1u) * a_columns;
  let a4 = min(row + 4u, params.m - 1u) * a_columns;
  let a5 = min(row + 5u, params.m - 1u) * a_columns;
  let a6 = min(row + 6u, params.m - 1u) * a_columns;
  let a7 = min(row + 7u, params.m - 1u) * a_columns;
  let b0 = min(col * 4u + 0u, params.n - 1u) * b_columns;
  let b1 = min(col * 4u + 1u, params.n - 1u) * b_columns;
  let b2 = min(col * 4u + 2u, params.n - 1u) * b_columns;
  let b3 = min(col * 4u + 3u, params.n - 1u) * b_columns;
  let b4 = min(col * 4u + 4u, params.n - 1u) * b_columns;
  let b5 = min(col * 4u + 5u, params.n - 1u) * b_columns;
  let b6 = min(col * 4u + 6u, params.n - 1u) * b_columns;
  let b7 = min(col * 4u + 7u, params.n - 1u) * b_columns;
  var low0 = vec4f();
  var high0 = vec4f();
  var low1 = vec4f();
  var high1 = vec4f();
  var low2 = vec4f();
  var high2 = vec4f();
  var low3 = vec4f();
  var high3 = vec4f();
  var low4 = vec4f();
  var high4 = vec4f();
  var low5 = vec4f();
  var high5 = vec4f();
  var low6 = vec4f();
  var high6 = vec4f();
  var low7 = vec4f();
  var high7 = vec4f();

  for (var kk = 0u; kk < ks; kk++) {
    let w0 = b[b0 + kk];
    let w1 = b[b1 + kk];
    let w2 = b[b2 + kk];
    let w3 = b[b3 + kk];
    let w4 = b[b4 + kk];
    let w5 = b[b5 + kk];
    let w6 = b[b6 + kk];
    let w7 = b[b7 + kk];
    let x0 = a[a0 + kk];
    let x1 = a[a1 + kk];
    let x2 = a[a2 + kk];
    let x3 = a[a3 + kk];
    let x4 = a[a4 + kk];
    let x5 = a[a5 + kk];
    let x6 = a[a6 + kk];
    let x7 = a[a7 + kk];
    var p = vec4f(w0.x, w1.x, w2.x, w3.x);
    var q = vec4f(w4.x, w5.x, w6.x, w7.x);
    low0 += x0.x * p;
    high0 += x0.x * q;
    low1 += x1.x * p;
    high1 += x1.x * q;
    low2 += x2.x * p;
    high2 += x2.x * q;
    low3 += x3.x * p;
    high3 += x3.x * q;
    low4 += x4.x * p;
    high4 += x4.x * q;
    low5 += x5.x * p;
    high5 += x5.x * q;
    low6 += x6.x * p;
    high6 += x6.x * q;
    low7 += x7.x * p;
    high7 += x7.x * q;
    p = vec4f(w0.y, w1.y, w2.y, w3.y);
    q = vec4f(w4.y, w5.y, w6.y, w7.y);
    low0 += x0.y * p;
    high0 += x0.y * q;
    low1 += x1.y * p;
    high1 += x1.y * q;
    low2 += x2.y * p;
    high2 += x2.y * q;
    low3 += x3.y * p;
    high3 += x3.y * q;
    low4 += x4.y * p;
    high4 += x4.y * q;
    low5 += x5.y * p;
    high5 += x5.y * q;
    low6 += x6.y * p;
    high6 += x6.y * q;
    low7 += x7.y * p;
    high7 += x7.y * q;
    p = vec4f(w0.z, w1.z, w2.z, w3.z);
    q = vec4f(w4.z, w5.z, w6.z, w7.z);
    low0 += x0.z * p;
    high0 += x0.z * q;
    low1 += x1.z * p;
    high1 += x1.z * q;
    low2 += x2.z * p;
    high2 += x2.z * q;
    low3 += x3.z * p;
    high3 += x3.z * q;
    low4 += x4.z * p;
    high4 += x4.z * q;
    low5 += x5.z * p;
    high5 += x5.z * q;
    low6 += x6.z * p;
    high6 += x6.z * q;
    low7 += x7.z * p;
    high7 += x7.z * q;
    p = vec4f(w0.w, w1.w, w2.w, w3.w);
    q = vec4f(w4.w, w5.w, w6.w, w7.w);
    low0 += x0.w * p;
    high0 += x0.w * q;
    low1 += x1.w * p;
    high1 += x1.w * q;
    low2 += x2.w * p;
    high2 += x2.w * q;
    low3 += x3.w * p;
    high3 += x3.w * q;
    low4 += x4.w * p;
    high4 += x4.w * q;
    low5 += x5.w * p;
    high5 += x5.w * q;
    low6 += x6.w * p;
    high6 += x6.w * q;
    low7 += x7.w * p;
    high7 += x7.w * q;
  }

  store(row, col, columns, low0, high0);
  store(row + 1u, col, columns, low1, high1);
  store(row + 2u, col, columns, low2, high2);
  store(row + 3u, col, columns, low3, high3);
  store(row + 4u, col, columns, low4, high4);
  store(row + 5u, col, columns, low5, high5);
  store(row + 6u, col, columns, low6, high6);
  store(row + 7u, col, columns, low7, high7);
}
