// covariance += XᵀX on and above the diagonal: the twin of covariance.wgsl for software adapters, where a load
// costs as much as a hundred multiply-adds. One thread computes 32 rows × 16 columns in registers (8 × 4 blocks of 4 × 4),
// and four lanes that need the same left side load a quarter of it each. All threads of a workgroup have the same rows, so
// that this holds however lanes are numbered; a subgroup must have at least four. On hardware so many registers would
// spill.
// Numerics as there.

enable subgroups;

struct Params {
  rows: u32,
  n: u32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> covariance: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 4; // at least 4
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

// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output. Each of four lanes loads one
// step of hidden_states and hands it to the others; steps beyond the last are zero on the right side.
fn left(row: u32, kk: u32, lane: u32) -> mat4x4f {
  let columns = params.n / 4u;
  let own = hidden_states[min(4u * kk + lane, params.rows - 1u) * columns + min(row / 4u, columns - 1u)];
  return transpose(mat4x4f(
    subgroupBroadcast(own, 0u),
    subgroupBroadcast(own, 1u),
    subgroupBroadcast(own, 2u),
    subgroupBroadcast(own, 3u)
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

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let lane = subgroup_lane % 4u;
  let row = group_id.y * 32u;
  let col = (group_id.x * WORKGROUP_SIZE + thread) * 4u; // in vec4
  // The last column of the workgroup decides, so that its lanes stay together.
  if ((group_id.x + 1u) * WORKGROUP_SIZE * 16u <= row) {
    return;
  }
  let steps = (params.rows + 3u) / 4u;
  for (var first = 0u; first < steps; first += CHUNK / 4u) {
    let end = min(first + CHUNK / 4u, steps);
    var c00 = mat4x4f(); var c01 = mat4x4f(); var c02 = mat4x4f(); var c03 = mat4x4f();
    var c10 = mat4x4f(); var c11 = mat4x4f(); var c12 = mat4x4f(); var c13 = mat4x4f();
    var c20 = mat4x4f(); var c21 = mat4x4f(); var c22 = mat4x4f(); var c23 = mat4x4f();
    var c30 = mat4x4f(); var c31 = mat4x4f(); var c32 = mat4x4f(); var c33 = mat4x4f();
    var c40 = mat4x4f(); var c41 = mat4x4f(); var c42 = mat4x4f(); var c43 = mat4x4f();
    var c50 = mat4x4f(); var c51 = mat4x4f(); var c52 = mat4x4f(); var c53 = mat4x4f();
    var c60 = mat4x4f(); var c61 = mat4x4f(); var c62 = mat4x4f(); var c63 = mat4x4f();
    var c70 = mat4x4f(); var c71 = mat4x4f(); var c72 = mat4x4f(); var c73 = mat4x4f();
    for (var kk = first; kk < end; kk++) {
      let p0 = right(col, kk);
      let p1 = right(col + 1u, kk);
      let p2 = right(col + 2u, kk);
      let p3 = right(col + 3u, kk);
      var x = left(row, kk, lane);
      c00 += p0 * x; c01 += p1 * x; c02 += p2 * x; c03 += p3 * x;
      x = left(row + 4u, kk, lane);
      c10 += p0 * x; c11 += p1 * x; c12 += p2 * x; c13 += p3 * x;
      x = left(row + 8u, kk, lane);
      c20 += p0 * x; c21 += p1 * x; c22 += p2 * x; c23 += p3 * x;
      x = left(row + 12u, kk, lane);
      c30 += p0 * x; c31 += p1 * x; c32 += p2 * x; c33 += p3 * x;
      x = left(row + 16u, kk, lane);
      c40 += p0 * x; c41 += p1 * x; c42 += p2 * x; c43 += p3 * x;
      x = left(row + 20u, kk, lane);
      c50 += p0 * x; c51 += p1 * x; c52 += p2 * x; c53 += p3 * x;
      x = left(row + 24u, kk, lane);
      c60 += p0 * x; c61 += p1 * x; c62 += p2 * x; c63 += p3 * x;
      x = left(row + 28u, kk, lane);
      c70 += p0 * x; c71 += p1 * x; c72 += p2 * x; c73 += p3 * x;
    }
    var tiles = array<mat4x4f, 32>(
      c00, c01, c02, c03,
      c10, c11, c12, c13,
      c20, c21, c22, c23,
      c30, c31, c32, c33,
      c40, c41, c42, c43,
      c50, c51, c52, c53,
      c60, c61, c62, c63,
      c70, c71, c72, c73
    );
    for (var i = 0u; i < 32u; i++) {
      accumulate(row + i / 4u * 4u, col + i % 4u, tiles[i]);
    }
  }
}
