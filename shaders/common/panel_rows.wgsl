// The left side of a product by common/row_panel.wgsl: rows of a, bound as vec4. k is a multiple of 4.

fn last_step() -> u32 {
  return params.k - 1u;
}

fn left_at(row: u32, step: u32) -> u32 {
  return row * left_row() + step;
}

fn left_row() -> u32 {
  return params.a_stride >> 2u;
}

fn panel_left(at: u32) -> vec4f {
  return a[at];
}
