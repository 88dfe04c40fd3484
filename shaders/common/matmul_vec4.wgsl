// Operands of a product, row-major, bound as vec4: n and both row lengths are multiples of 4.

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

// Four rows of output at one vec4 column; those beyond the end are not written.
fn store(row: u32, col: u32, tile: mat4x4f) {
  let columns = params.n / 4u;
  for (var i = 0u; i < 4u; i++) {
    if (row + i < params.m && col < columns) {
      output[(row + i) * columns + col] = tile[i];
    }
  }
}
