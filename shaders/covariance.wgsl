// covariance += XᵀX on and above the diagonal, for n divisible by 4; covariance_any.wgsl takes the others, and
// covariance_subgroup.wgsl the large ones on software adapters.
// hidden_states X (rows, n), covariance (n, n), row-major, bound as vec4. One thread owns 8 × 8 elements of covariance,
// without workgroup memory and without barriers (common/tile_8x8.wgsl); tiles below the diagonal do nothing.
// Numerics: products are summed in registers over chunks of CHUNK rows (a multiple of 4), and each chunk is added to the
// running sum, which is a pair (common/paired_sum.wgsl): the f32 error is that of a chunk, however many there are.

struct Params {
  rows: u32,
  n: u32,
  summation: u32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> covariance: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> low: array<vec4f>; // not used by SUMMATION_PLAIN
@group(1) @binding(0) var<uniform> params: Params;

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

// In terms of common/left_steps.wgsl and common/right_steps.wgsl both sides are X, and its rows are the steps.
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
