// output = a · b for strides divisible by 4; matmul_any.wgsl takes the others, and
// matmul_subgroup.wgsl the large ones on software adapters.
// a (m, k), b (k, ≥ n), output (m, n), row-major, bound as vec4: n, k and the row length of b are multiples of 4.
// One thread computes 8 rows × 8 columns in registers, without workgroup memory and without barriers.
// Accumulates in f32, in order of k. Tail tiles read the last row or column again, so that nothing is tested in the loop.
// In blocks of 4 × 4: with P four steps of the right side as columns, and X as many of the left side as rows, for four
// columns and four rows of output, the columns of P · X are what these steps add to the rows.

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

// The right side at four steps of k from 4 · kk on, a column a step, and at one vec4 column of output.
fn right(col: u32, kk: u32) -> mat4x4f {
  let columns = params.b_stride / 4u;
  let at = 4u * kk * columns + min(col, params.n / 4u - 1u);
  return mat4x4f(b[at], b[at + columns], b[at + 2u * columns], b[at + 3u * columns]);
}

// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output: four rows of a.
fn left(row: u32, kk: u32) -> mat4x4f {
  let columns = params.a_stride / 4u;
  let last = params.m - 1u;
  return mat4x4f(
    a[min(row, last) * columns + kk],
    a[min(row + 1u, last) * columns + kk],
    a[min(row + 2u, last) * columns + kk],
    a[min(row + 3u, last) * columns + kk]
  );
}

// Four rows of output at one vec4 column; those beyond the end are not written.
fn store(row: u32, col: u32, tile: mat4x4f) {
  let columns = params.n / 4u;
  for (var i = 0u; i < 4u; i++) {
    if (row + i < params.m && col < columns) {
      output[(row + i) * columns + col] = tile[i];
    }
  }
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let row = thread.y * 8u;
  let col = thread.x * 2u; // in vec4
  if (row >= params.m || 4u * col >= params.n) {
    return;
  }
  let steps = params.k / 4u;
  var c00 = mat4x4f(); var c01 = mat4x4f();
  var c10 = mat4x4f(); var c11 = mat4x4f();
  for (var kk = 0u; kk < steps; kk++) {
    let p0 = right(col, kk);
    let p1 = right(col + 1u, kk);
    var x = left(row, kk);
    c00 += p0 * x; c01 += p1 * x;
    x = left(row + 4u, kk);
    c10 += p0 * x; c11 += p1 * x;
  }
  store(row, col, c00); store(row, col + 1u, c01);
  store(row + 4u, col, c10); store(row + 4u, col + 1u, c11);
}
