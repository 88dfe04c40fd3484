// Operands of matmul_bt as in common/matmul_vec4.wgsl, with the factors of common/matmul_factors.wgsl.

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> gate: array<vec4f>; // (m, n), rows as long as those of output
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

// Four rows of output at one vec4 column; those beyond the end are not written.
fn store(row: u32, col: u32, tile: mat4x4f) {
  for (var i = 0u; i < 4u; i++) {
    if (row + i < params.m && col < params.n / 4u) {
      let at = (row + i) * (params.output_stride / 4u) + col;
      var product = tile[i];
      for (var once = row_scale_count(); once > 0u; once--) {
        product *= row_scale[row + i];
      }
      for (var once = gate_count(); once > 0u; once--) {
        let x = gate[at];
        product *= vec4f(activate(x.x), activate(x.y), activate(x.z), activate(x.w));
      }
      if (params.accumulate == 0u) {
        output[at] = product;
      } else {
        output[at] = output[at] + product;
      }
    }
  }
}
