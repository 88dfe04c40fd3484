// output = aᵀ · b for strides divisible by 4; matmul_at_any.wgsl takes the others.
// a (k, ≥ m), b (k, ≥ n), output (m, n), row-major, bound as vec4: n and both row lengths are multiples of 4.
// One thread computes 8 rows × 8 columns in registers as a sum of outer products, without workgroup memory and without
// barriers. Accumulates in f32, in order of k.

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
  // Tail tiles read the last columns again instead of testing in the loop; only the stores are guarded.
  let low_row = min(row / 4u, a_columns - 1u);
  let high_row = min(row / 4u + 1u, a_columns - 1u);
  let low_column = col;
  let high_column = min(col + 1u, columns - 1u);
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

  for (var kk = 0u; kk < params.k; kk++) {
    let x = a[kk * a_columns + low_row];
    let y = a[kk * a_columns + high_row];
    let p = b[kk * b_columns + low_column];
    let q = b[kk * b_columns + high_column];
    low0 += x.x * p;
    high0 += x.x * q;
    low1 += x.y * p;
    high1 += x.y * q;
    low2 += x.z * p;
    high2 += x.z * q;
    low3 += x.w * p;
    high3 += x.w * q;
    low4 += y.x * p;
    high4 += y.x * q;
    low5 += y.y * p;
    high5 += y.y * q;
    low6 += y.z * p;
    high6 += y.z * q;
    low7 += y.w * p;
    high7 += y.w * q;
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
