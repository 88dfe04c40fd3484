// Operands of covariance += XᵀX, row-major, bound as vec4: n is a multiple of 4. In terms of common/left_steps.wgsl and
// common/right_steps.wgsl both sides are X, and its rows are the steps.

struct Params {
  rows: u32,
  n: u32,
  summation: u32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> covariance: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> low: array<vec4f>; // not used by SUMMATION_PLAIN
@group(1) @binding(0) var<uniform> params: Params;

fn last_step() -> u32 {
  return params.rows - 1u;
}

fn left_columns() -> u32 {
  return params.n / 4u;
}

fn left_step(step: u32, column: u32) -> vec4f {
  return hidden_states[step * (params.n / 4u) + column];
}

fn right_step(step: u32, column: u32) -> vec4f {
  return hidden_states[step * (params.n / 4u) + column];
}

// Adds a block to four rows of covariance at one vec4 column, the elements below the diagonal excepted. Needs
// common/paired_sum.wgsl.
fn store(row: u32, col: u32, tile: mat4x4f) {
  let columns = params.n / 4u;
  if (row >= params.n || col >= columns || 4u * col < row) {
    return;
  }
  for (var i = 0u; i < 4u; i++) {
    let is_above = vec4u(4u * col) + vec4u(0u, 1u, 2u, 3u) >= vec4u(row + i);
    let at = (row + i) * columns + col;
    let term = select(vec4f(), tile[i], is_above);
    if (params.summation == SUMMATION_PLAIN) {
      covariance[at] = covariance[at] + term;
    } else {
      let sum = add_to_pair(Pair(covariance[at], low[at]), term);
      covariance[at] = sum.high;
      low[at] = sum.low;
    }
  }
}
