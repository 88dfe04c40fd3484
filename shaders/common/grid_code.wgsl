// The code of a number on its group's grid, before it is clamped; the scale is not 0. IS_MINIMUM: `zero` is the grid's least number.
fn grid_code(w: f32, scale: f32, zero: f32) -> f32 {
  if (IS_MINIMUM == 1u) {
    return round((w - zero) / scale);
  }
  return round(w / scale) + zero;
}
