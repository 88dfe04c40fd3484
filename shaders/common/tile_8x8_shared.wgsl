// As common/tile_8x8.wgsl, with both sides in workgroup memory: a workgroup loads K_STEP blocks of four steps of k for all
// of its rows and columns at once, and each of its threads takes 8 rows and 8 columns from there. Blocks are 4 × 4, as left
// and right give them. `row` and `col` (in vec4) are the workgroup's first; all of its threads must come here.
override WORKGROUP_X: u32 = 8;
override WORKGROUP_Y: u32 = 8;
override K_STEP: u32 = 2; // in blocks of four steps

var<workgroup> left_blocks: array<mat4x4f, 2 * WORKGROUP_Y * K_STEP>;
var<workgroup> right_blocks: array<mat4x4f, 2 * WORKGROUP_X * K_STEP>;

fn compute_shared_tile(row: u32, col: u32, local: vec2u, end: u32) {
  let threads = WORKGROUP_X * WORKGROUP_Y;
  let thread = local.y * WORKGROUP_X + local.x;
  var c00 = mat4x4f(); var c01 = mat4x4f();
  var c10 = mat4x4f(); var c11 = mat4x4f();
  for (var first = 0u; first < end; first += K_STEP) {
    for (var i = thread; i < 2u * WORKGROUP_Y * K_STEP; i += threads) {
      let kk = first + i % K_STEP;
      // Blocks beyond the last step are zero on both sides.
      if (kk < end) {
        left_blocks[i] = left(row + 4u * (i / K_STEP), kk);
      } else {
        left_blocks[i] = mat4x4f();
      }
    }
    for (var i = thread; i < 2u * WORKGROUP_X * K_STEP; i += threads) {
      let kk = first + i % K_STEP;
      if (kk < end) {
        right_blocks[i] = right(col + i / K_STEP, kk);
      } else {
        right_blocks[i] = mat4x4f();
      }
    }
    workgroupBarrier();
    for (var step = 0u; step < K_STEP; step++) {
      let p0 = right_blocks[2u * local.x * K_STEP + step];
      let p1 = right_blocks[(2u * local.x + 1u) * K_STEP + step];
      var x = left_blocks[2u * local.y * K_STEP + step];
      c00 += p0 * x; c01 += p1 * x;
      x = left_blocks[(2u * local.y + 1u) * K_STEP + step];
      c10 += p0 * x; c11 += p1 * x;
    }
    workgroupBarrier();
  }
  let own_row = row + 8u * local.y;
  let own_col = col + 2u * local.x;
  store(own_row, own_col, c00); store(own_row, own_col + 1u, c01);
  store(own_row + 4u, own_col, c10); store(own_row + 4u, own_col + 1u, c11);
}
