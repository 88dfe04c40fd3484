// covariance += XᵀX on and above the diagonal, for n divisible by 4; covariance_any.wgsl takes the others.
// hidden_states X (rows, n), covariance (n, n), row-major, bound as vec4. One thread owns 8 × 8 elements of covariance;
// tiles that lie wholly below the diagonal do nothing, and below the diagonal nothing is written.
// Numerics: products are summed in registers over chunks of CHUNK rows, and each chunk is added to the running sum, so
// that the f32 error grows with the chunk length and the number of chunks, not with the number of rows.

struct Params {
  rows: u32,
  n: u32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> covariance: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;
override CHUNK: u32 = 256;

// Adds four elements (row, 4·col …), those below the diagonal excepted.
fn add_four(row: u32, col: u32, columns: u32, sum: vec4f) {
  if (col >= columns || 4u * col + 3u < row) {
    return;
  }
  let above = vec4u(4u * col) + vec4u(0u, 1u, 2u, 3u) >= vec4u(row);
  let at = row * columns + col;
  covariance[at] = covariance[at] + select(vec4f(), sum, above);
}

fn accumulate(row: u32, col: u32, columns: u32, low: vec4f, high: vec4f) {
  if (row < params.n) {
    add_four(row, col, columns, low);
    add_four(row, col + 1u, columns, high);
  }
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y * 8u;
  let col = thread.x * 2u; // in vec4
  let columns = params.n / 4u;
  if (row >= params.n || col >= columns || 4u * col + 7u < row) {
    return;
  }
  // Tail tiles read the last columns again instead of testing in the loop; only the stores are guarded.
  let low_row = row / 4u;
  let high_row = min(low_row + 1u, columns - 1u);
  let high_column = min(col + 1u, columns - 1u);
  for (var start = 0u; start < params.rows; start += CHUNK) {
    let end = min(start + CHUNK, params.rows);
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
    for (var k = start; k < end; k++) {
      let at = k * columns;
      let x = hidden_states[at + low_row];
      let y = hidden_states[at + high_row];
      let p = hidden_states[at + col];
      let q = hidden_states[at + high_column];
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
    accumulate(row, col, columns, low0, high0);
    accumulate(row + 1u, col, columns, low1, high1);
    accumulate(row + 2u, col, columns, low2, high2);
    accumulate(row + 3u, col, columns, low3, high3);
    accumulate(row + 4u, col, columns, low4, high4);
    accumulate(row + 5u, col, columns, low5, high5);
    accumulate(row + 6u, col, columns, low6, high6);
    accumulate(row + 7u, col, columns, low7, high7);
  }
}
