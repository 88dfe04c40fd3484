// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output: four rows of a.
fn left(row: u32, kk: u32) -> mat4x4f {
  let columns = params.a_stride / 4u;
  let last = params.m - 1u;
  return mat4x4f(
    a[min(row, last) * columns + kk],
    a[min(row + 1u, last) * columns + kk],
    a[min(row + 2u, last) * columns + kk],
    a[min(row + 3u, last) * columns + kk]
  );
}
