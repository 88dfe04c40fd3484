// The right side at four steps of k from 4 · kk on, a column a step, and at one vec4 column of output: a vec4 of four
// rows of b, which are columns of bᵀ. k is a multiple of 4.
fn right(col: u32, kk: u32) -> mat4x4f {
  let columns = params.b_stride >> 2u;
  let at = 4u * min(col, (params.n >> 2u) - 1u) * columns + kk;
  return transpose(mat4x4f(b[at], b[at + columns], b[at + 2u * columns], b[at + 3u * columns]));
}
