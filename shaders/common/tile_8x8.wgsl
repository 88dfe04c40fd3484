// Accumulates the 8 × 8 elements of output at `row` and vec4 column `col` in registers, in f32, over the steps 4 · first
// to 4 · end of k in their order, and stores them. The kernel gives left, right and store.
// In blocks of 4 × 4: with P four steps of the right side as columns, and X as many of the left side as rows, for four
// columns and four rows of output, the columns of P · X are what these steps add to the rows. left and right read the last
// row or column again for tail tiles, so that nothing is tested in the loop.
fn compute_tile(row: u32, col: u32, first: u32, end: u32) {
  var c00 = mat4x4f(); var c01 = mat4x4f();
  var c10 = mat4x4f(); var c11 = mat4x4f();
  for (var kk = first; kk < end; kk++) {
    let p0 = right(col, kk);
    let p1 = right(col + 1u, kk);
    var x = left(row, kk);
    c00 += p0 * x; c01 += p1 * x;
    x = left(row + 4u, kk);
    c10 += p0 * x; c11 += p1 * x;
  }
  store(row, col, c00); store(row, col + 1u, c01);
  store(row + 4u, col, c10); store(row + 4u, col + 1u, c11);
}
