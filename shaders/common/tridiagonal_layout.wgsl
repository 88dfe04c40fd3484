// What the kernels of one Householder step agree on. A panel is 32 columns of the matrix whose reflectors are gathered
// before the rest of the matrix sees them (LAPACK's latrd); V and W are the panel's columns of A ← A − V·Wᵀ − W·Vᵀ.
//
// panel (size, 64): a row of V, then of W.
// product, in floats: A·v (size), Vᵀv (32), Wᵀv (32), row `column + 1` of V and of W (32 each), then (τ, 0, 0, 0), then
// parts of vᵀ(A·v), a vec4 each.

const PANEL: u32 = 32;
const PANEL_VECTORS: u32 = PANEL / 4;
// Columns of the matrix that one invocation multiplies, and the unit of everything that is skipped.
const BLOCK: u32 = 16;

struct Params {
  size: u32,
  // The column of the matrix that is being reduced.
  column: u32,
  // Columns of the panel before it.
  done: u32,
}

@group(1) @binding(0) var<uniform> params: Params;

// The first row and column of the blocks that `line` and all later ones lie in.
fn block_start(line: u32) -> u32 {
  return line / BLOCK * BLOCK;
}

// Which components of the four from `start` on are `line`.
fn is_line(start: u32, line: u32) -> vec4<bool> {
  return vec4u(start) + vec4u(0, 1, 2, 3) == vec4u(line);
}

fn is_after(start: u32, line: u32) -> vec4<bool> {
  return vec4u(start) + vec4u(0, 1, 2, 3) > vec4u(line);
}
