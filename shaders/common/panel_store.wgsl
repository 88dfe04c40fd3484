// How a product is stored by common/row_panel.wgsl.

// Whether it is added to what is there.
fn is_added() -> bool {
  return params.accumulate != 0u;
}

// Two vec4 of a row; those beyond the end are not written. What is there is read in any case: a branch takes longer.
fn panel_store(row: u32, col: u32, c: vec4f, d: vec4f, adds: bool) {
  let at = row * (params.output_stride >> 2u) + col;
  if (4u * col < params.n) {
    output[at] = c + select(vec4f(), output[at], adds);
    output[at + 1u] = d + select(vec4f(), output[at + 1u], adds);
  }
}
