// The right side of a product whose steps are rows of the operand, any number of them. The kernel gives last_step and
// right_step(step, vec4 column).

// The right side at four steps of k from 4 · kk on, a column a step, and at one vec4 column of output. Steps beyond the
// last are zero.
fn right(col: u32, kk: u32) -> mat4x4f {
  let column = min(col, params.n / 4u - 1u);
  let step = 4u * kk;
  let last = last_step();
  return mat4x4f(
    right_step(step, column),
    select(vec4f(), right_step(min(step + 1u, last), column), step + 1u <= last),
    select(vec4f(), right_step(min(step + 2u, last), column), step + 2u <= last),
    select(vec4f(), right_step(min(step + 3u, last), column), step + 3u <= last)
  );
}
