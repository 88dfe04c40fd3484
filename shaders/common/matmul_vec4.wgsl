// Operands of a product, row-major, bound as vec4: n and all row lengths are multiples of 4.

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

// Four rows of output at one vec4 column; those beyond the end are not written.
fn store(row: u32, col: u32, tile: mat4x4f) {
  for (var i = 0u; i < 4u; i++) {
    if (row + i < params.m && col < params.n / 4u) {
      let at = (row + i) * (params.output_stride / 4u) + col;
      if (params.accumulate == 0u) {
        output[at] = tile[i];
      } else {
        output[at] = output[at] + tile[i];
      }
    }
  }
}
