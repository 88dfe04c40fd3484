// covariance += XᵀX on and above the diagonal, for n divisible by 4; covariance_any.wgsl takes the others, and
// covariance_subgroup.wgsl the large ones on software adapters.
// hidden_states X (rows, n), covariance (n, n), row-major, bound as vec4. One thread owns 8 × 8 elements of covariance,
// without workgroup memory and without barriers; tiles below the diagonal do nothing.
// Numerics: products are summed in registers over chunks of CHUNK rows (a multiple of 4), and each chunk is added to the
// running sum, so that the f32 error grows with the chunk length and the number of chunks, not with the number of rows.
// In blocks of 4 × 4: with P four steps of the right side as columns, and X as many of the left side as rows, for four
// columns and four rows of output, the columns of P · X are what these steps add to the rows.

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

// The right side at four steps of k from 4 · kk on, a column a step, and at one vec4 column of output. Steps beyond the
// last are zero.
fn right(col: u32, kk: u32) -> mat4x4f {
  let columns = params.n / 4u;
  let column = min(col, params.n / 4u - 1u);
  let step = 4u * kk;
  let last = params.rows - 1u;
  return mat4x4f(
    hidden_states[step * columns + column],
    select(vec4f(), hidden_states[min(step + 1u, last) * columns + column], step + 1u <= last),
    select(vec4f(), hidden_states[min(step + 2u, last) * columns + column], step + 2u <= last),
    select(vec4f(), hidden_states[min(step + 3u, last) * columns + column], step + 3u <= last)
  );
}

// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output: one vec4 column of
// hidden_states. Steps beyond the last repeat it, which does nothing, since they are zero on the right side.
fn left(row: u32, kk: u32) -> mat4x4f {
  let columns = params.n / 4u;
  let column = min(row / 4u, columns - 1u);
  let step = 4u * kk;
  let last = params.rows - 1u;
  return transpose(mat4x4f(
    hidden_states[step * columns + column],
    hidden_states[min(step + 1u, last) * columns + column],
    hidden_states[min(step + 2u, last) * columns + column],
    hidden_states[min(step + 3u, last) * columns + column]
  ));
}

// Adds a block to four rows of covariance at one vec4 column, the elements below the diagonal excepted.
fn accumulate(row: u32, col: u32, tile: mat4x4f) {
  let columns = params.n / 4u;
  if (row >= params.n || col >= columns || 4u * col < row) {
    return;
  }
  for (var i = 0u; i < 4u; i++) {
    let is_above = vec4u(4u * col) + vec4u(0u, 1u, 2u, 3u) >= vec4u(row + i);
    let at = (row + i) * columns + col;
    covariance[at] = covariance[at] + select(vec4f(), tile[i], is_above);
  }
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y * 8u;
  let col = thread.x * 2u; // in vec4
  if (row >= params.n || 4u * col >= params.n || 4u * col + 7u < row) {
    return;
  }
  let steps = (params.rows + 3u) / 4u;
  for (var first = 0u; first < steps; first += CHUNK / 4u) {
    let end = min(first + CHUNK / 4u, steps);
    var c00 = mat4x4f(); var c01 = mat4x4f();
    var c10 = mat4x4f(); var c11 = mat4x4f();
    for (var kk = first; kk < end; kk++) {
      let p0 = right(col, kk);
      let p1 = right(col + 1u, kk);
      var x = left(row, kk);
      c00 += p0 * x; c01 += p1 * x;
      x = left(row + 4u, kk);
      c10 += p0 * x; c11 += p1 * x;
    }
    accumulate(row, col, c00); accumulate(row, col + 1u, c01);
    accumulate(row + 4u, col, c10); accumulate(row + 4u, col + 1u, c11);
  }
}
