// output[c, k] = Σ_{r ≥ first} source[r, source_column + c] · reflectors[r, reflector_column + k], in terms of
// common/left_steps.wgsl and common/right_steps.wgsl: rows are the steps. source (rows, source_stride), reflectors
// (rows, reflector_stride), row-major, bound as vec4. c counts to m, k to n; the line of c is output_row + c.

struct Params {
  m: u32,
  n: u32,
  rows: u32,
  first: u32,
  source_stride: u32,
  source_column: u32,
  reflector_stride: u32,
  reflector_column: u32,
  output_row: u32,
}

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read> reflectors: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn last_step() -> u32 {
  return params.rows - 1;
}

fn left_columns() -> u32 {
  return params.m / 4;
}

fn left_step(step: u32, column: u32) -> vec4f {
  return source[(step * params.source_stride + params.source_column) / 4 + column];
}

fn right_step(step: u32, column: u32) -> vec4f {
  return reflectors[(step * params.reflector_stride + params.reflector_column) / 4 + column];
}

fn store(row: u32, col: u32, tile: mat4x4f) {
  let columns = params.n / 4;
  for (var i = 0u; i < 4u; i++) {
    if (row + i < params.m && col < columns) {
      output[(params.output_row + row + i) * columns + col] = tile[i];
    }
  }
}
