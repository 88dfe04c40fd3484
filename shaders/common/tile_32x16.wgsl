// As common/tile_8x8.wgsl, for 32 rows × 16 columns (8 × 4 blocks of 4 × 4) and a left side whose loads are shared by
// four lanes: for software adapters, where a load costs as much as a hundred multiply-adds. On hardware so many registers
// would spill. All threads of a workgroup must have the same rows, so that lanes share however they are numbered.
fn compute_tile(row: u32, col: u32, lane: u32, first: u32, end: u32) {
  var c00 = mat4x4f(); var c01 = mat4x4f(); var c02 = mat4x4f(); var c03 = mat4x4f();
  var c10 = mat4x4f(); var c11 = mat4x4f(); var c12 = mat4x4f(); var c13 = mat4x4f();
  var c20 = mat4x4f(); var c21 = mat4x4f(); var c22 = mat4x4f(); var c23 = mat4x4f();
  var c30 = mat4x4f(); var c31 = mat4x4f(); var c32 = mat4x4f(); var c33 = mat4x4f();
  var c40 = mat4x4f(); var c41 = mat4x4f(); var c42 = mat4x4f(); var c43 = mat4x4f();
  var c50 = mat4x4f(); var c51 = mat4x4f(); var c52 = mat4x4f(); var c53 = mat4x4f();
  var c60 = mat4x4f(); var c61 = mat4x4f(); var c62 = mat4x4f(); var c63 = mat4x4f();
  var c70 = mat4x4f(); var c71 = mat4x4f(); var c72 = mat4x4f(); var c73 = mat4x4f();
  for (var kk = first; kk < end; kk++) {
    let p0 = right(col, kk);
    let p1 = right(col + 1u, kk);
    let p2 = right(col + 2u, kk);
    let p3 = right(col + 3u, kk);
    var x = left(row, kk, lane);
    c00 += p0 * x; c01 += p1 * x; c02 += p2 * x; c03 += p3 * x;
    x = left(row + 4u, kk, lane);
    c10 += p0 * x; c11 += p1 * x; c12 += p2 * x; c13 += p3 * x;
    x = left(row + 8u, kk, lane);
    c20 += p0 * x; c21 += p1 * x; c22 += p2 * x; c23 += p3 * x;
    x = left(row + 12u, kk, lane);
    c30 += p0 * x; c31 += p1 * x; c32 += p2 * x; c33 += p3 * x;
    x = left(row + 16u, kk, lane);
    c40 += p0 * x; c41 += p1 * x; c42 += p2 * x; c43 += p3 * x;
    x = left(row + 20u, kk, lane);
    c50 += p0 * x; c51 += p1 * x; c52 += p2 * x; c53 += p3 * x;
    x = left(row + 24u, kk, lane);
    c60 += p0 * x; c61 += p1 * x; c62 += p2 * x; c63 += p3 * x;
    x = left(row + 28u, kk, lane);
    c70 += p0 * x; c71 += p1 * x; c72 += p2 * x; c73 += p3 * x;
  }
  var tiles = array<mat4x4f, 32>(
    c00, c01, c02, c03,
    c10, c11, c12, c13,
    c20, c21, c22, c23,
    c30, c31, c32, c33,
    c40, c41, c42, c43,
    c50, c51, c52, c53,
    c60, c61, c62, c63,
    c70, c71, c72, c73
  );
  for (var i = 0u; i < 32u; i++) {
    store(row + i / 4u * 4u, col + i % 4u, tiles[i]);
  }
}
