// The left side of a product whose steps are rows of the operand, any number of them. The kernel gives last_step,
// left_columns and left_step(step, vec4 column).

// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output: one vec4 column of the
// operand. Steps beyond the last are zero, as on the right side: the last one again would make NaN of its infinities.
fn left(row: u32, kk: u32) -> mat4x4f {
  let column = min(row / 4u, left_columns() - 1u);
  let step = 4u * kk;
  let last = last_step();
  return transpose(mat4x4f(
    left_step(step, column),
    select(vec4f(), left_step(min(step + 1u, last), column), step + 1u <= last),
    select(vec4f(), left_step(min(step + 2u, last), column), step + 2u <= last),
    select(vec4f(), left_step(min(step + 3u, last), column), step + 3u <= last)
  ));
}
