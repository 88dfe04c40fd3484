// Applies the rotations of a round to rows, in place: the 32 rows of a pair of blocks become Wᵀ·rows.
// matrix (size, size); rotations (pairs, 32, 32); is_active (pairs): 0 where W is the identity.
// Three passes make a round of A ← Wᵀ·A·W, V ← V·W, with V stored as Vᵀ so that all of them turn rows:
//   1 on A: tiles (I, J), each two pairs once; the result W_Iᵀ·T goes to its mirror image (J, I), and stays in place only
//     where pass 2 has nothing to do;
//   2 on A: tiles (J, I); the result (W_Iᵀ·T·W_J)ᵀ goes to both places. Diagonal tiles were written by jacobi_solve;
//   0 on Vᵀ: all columns.
// An invocation owns all 32 rows of 4·VECTORS columns and holds the results in registers, so neither workgroup memory nor
// barriers are needed. VECTORS = 2 saves loads, which cost most on a software adapter, and takes 256 registers.

const BLOCK: u32 = 16;

struct Params {
  size: u32,
  round: u32,
  turn_pass: u32,
}

@group(0) @binding(0) var<storage, read> status: array<u32>;
@group(0) @binding(1) var<storage, read> rotations: array<vec4f>;
@group(0) @binding(2) var<storage, read> is_active: array<u32>;
@group(0) @binding(3) var<storage, read_write> matrix: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

override VECTORS: u32 = 1;
override WORKGROUP_SIZE: u32 = 64;

// The two blocks that meet as `pair` of `round`, ascending: the last block stays, the others move round a circle.
fn meeting(blocks: u32, round: u32, pair: u32) -> vec2u {
  let others = blocks - 1;
  let a = select((round + pair) % others, others, pair == 0);
  let b = (round + others - pair) % others;
  return vec2u(min(a, b), max(a, b));
}

fn store(at: u32, stride: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  matrix[at] = a;
  matrix[at + stride] = b;
  matrix[at + 2 * stride] = c;
  matrix[at + 3 * stride] = d;
}

fn store_transposed(at: u32, stride: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  matrix[at] = vec4f(a.x, b.x, c.x, d.x);
  matrix[at + stride] = vec4f(a.y, b.y, c.y, d.y);
  matrix[at + 2 * stride] = vec4f(a.z, b.z, c.z, d.z);
  matrix[at + 3 * stride] = vec4f(a.w, b.w, c.w, d.w);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (status[1] != 0) {
    return;
  }
  let index = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  let stride = params.size / 4; // of a row, in vec4
  let blocks = params.size / BLOCK;
  let pairs = blocks / 2;
  var pair: u32;
  var column: u32; // in vec4
  var is_kept = true;
  if (params.turn_pass == 0) {
    let strips = stride / VECTORS;
    pair = index / strips;
    column = index % strips * VECTORS;
    if (pair >= pairs) {
      return;
    }
  } else {
    // Each two pairs once: distance 1, 2, … round a circle.
    let tile = index * VECTORS / 8;
    if (tile >= pairs * (pairs - 1) / 2) {
      return;
    }
    let i = tile % pairs;
    let j = (i + tile / pairs + 1) % pairs;
    pair = select(j, i, params.turn_pass == 1);
    let across = select(i, j, params.turn_pass == 1);
    is_kept = params.turn_pass == 2 || is_active[across] == 0;
    let columns = meeting(blocks, params.round, across);
    let offset = index * VECTORS % 8;
    column = select(columns.x * 4 + offset, columns.y * 4 + offset - 4, offset >= 4);
  }
  if (is_active[pair] == 0) {
    return;
  }
  let rows = meeting(blocks, params.round, pair) * BLOCK;
  let upper = rows.x * stride + column;
  let lower = rows.y * stride + column;
  var p0 = vec4f();
  var p1 = vec4f();
  var p2 = vec4f();
  var p3 = vec4f();
  var p4 = vec4f();
  var p5 = vec4f();
  var p6 = vec4f();
  var p7 = vec4f();
  var p8 = vec4f();
  var p9 = vec4f();
  var p10 = vec4f();
  var p11 = vec4f();
  var p12 = vec4f();
  var p13 = vec4f();
  var p14 = vec4f();
  var p15 = vec4f();
  var p16 = vec4f();
  var p17 = vec4f();
  var p18 = vec4f();
  var p19 = vec4f();
  var p20 = vec4f();
  var p21 = vec4f();
  var p22 = vec4f();
  var p23 = vec4f();
  var p24 = vec4f();
  var p25 = vec4f();
  var p26 = vec4f();
  var p27 = vec4f();
  var p28 = vec4f();
  var p29 = vec4f();
  var p30 = vec4f();
  var p31 = vec4f();
  var q0 = vec4f();
  var q1 = vec4f();
  var q2 = vec4f();
  var q3 = vec4f();
  var q4 = vec4f();
  var q5 = vec4f();
  var q6 = vec4f();
  var q7 = vec4f();
  var q8 = vec4f();
  var q9 = vec4f();
  var q10 = vec4f();
  var q11 = vec4f();
  var q12 = vec4f();
  var q13 = vec4f();
  var q14 = vec4f();
  var q15 = vec4f();
  var q16 = vec4f();
  var q17 = vec4f();
  var q18 = vec4f();
  var q19 = vec4f();
  var q20 = vec4f();
  var q21 = vec4f();
  var q22 = vec4f();
  var q23 = vec4f();
  var q24 = vec4f();
  var q25 = vec4f();
  var q26 = vec4f();
  var q27 = vec4f();
  var q28 = vec4f();
  var q29 = vec4f();
  var q30 = vec4f();
  var q31 = vec4f();

  var turn = pair * 256;
  for (var half = 0u; half < 2; half++) {
    var at = select(upper, lower, half == 1);
    for (var k = 0u; k < BLOCK; k++) {
      let x = matrix[at];
      let w0 = rotations[turn];
      let w1 = rotations[turn + 1];
      let w2 = rotations[turn + 2];
      let w3 = rotations[turn + 3];
      let w4 = rotations[turn + 4];
      let w5 = rotations[turn + 5];
      let w6 = rotations[turn + 6];
      let w7 = rotations[turn + 7];
      p0 += w0.x * x;
      p1 += w0.y * x;
      p2 += w0.z * x;
      p3 += w0.w * x;
      p4 += w1.x * x;
      p5 += w1.y * x;
      p6 += w1.z * x;
      p7 += w1.w * x;
      p8 += w2.x * x;
      p9 += w2.y * x;
      p10 += w2.z * x;
      p11 += w2.w * x;
      p12 += w3.x * x;
      p13 += w3.y * x;
      p14 += w3.z * x;
      p15 += w3.w * x;
      p16 += w4.x * x;
      p17 += w4.y * x;
      p18 += w4.z * x;
      p19 += w4.w * x;
      p20 += w5.x * x;
      p21 += w5.y * x;
      p22 += w5.z * x;
      p23 += w5.w * x;
      p24 += w6.x * x;
      p25 += w6.y * x;
      p26 += w6.z * x;
      p27 += w6.w * x;
      p28 += w7.x * x;
      p29 += w7.y * x;
      p30 += w7.z * x;
      p31 += w7.w * x;
      if (VECTORS == 2) {
        let y = matrix[at + 1];
        q0 += w0.x * y;
        q1 += w0.y * y;
        q2 += w0.z * y;
        q3 += w0.w * y;
        q4 += w1.x * y;
        q5 += w1.y * y;
        q6 += w1.z * y;
        q7 += w1.w * y;
        q8 += w2.x * y;
        q9 += w2.y * y;
        q10 += w2.z * y;
        q11 += w2.w * y;
        q12 += w3.x * y;
        q13 += w3.y * y;
        q14 += w3.z * y;
        q15 += w3.w * y;
        q16 += w4.x * y;
        q17 += w4.y * y;
        q18 += w4.z * y;
        q19 += w4.w * y;
        q20 += w5.x * y;
        q21 += w5.y * y;
        q22 += w5.z * y;
        q23 += w5.w * y;
        q24 += w6.x * y;
        q25 += w6.y * y;
        q26 += w6.z * y;
        q27 += w6.w * y;
        q28 += w7.x * y;
        q29 += w7.y * y;
        q30 += w7.z * y;
        q31 += w7.w * y;
      }
      at += stride;
      turn += 8;
    }
  }

  if (is_kept) {
    store(upper, stride, p0, p1, p2, p3);
    store(upper + 4 * stride, stride, p4, p5, p6, p7);
    store(upper + 8 * stride, stride, p8, p9, p10, p11);
    store(upper + 12 * stride, stride, p12, p13, p14, p15);
    store(lower, stride, p16, p17, p18, p19);
    store(lower + 4 * stride, stride, p20, p21, p22, p23);
    store(lower + 8 * stride, stride, p24, p25, p26, p27);
    store(lower + 12 * stride, stride, p28, p29, p30, p31);
    if (VECTORS == 2) {
      store(upper + 1, stride, q0, q1, q2, q3);
      store(upper + 4 * stride + 1, stride, q4, q5, q6, q7);
      store(upper + 8 * stride + 1, stride, q8, q9, q10, q11);
      store(upper + 12 * stride + 1, stride, q12, q13, q14, q15);
      store(lower + 1, stride, q16, q17, q18, q19);
      store(lower + 4 * stride + 1, stride, q20, q21, q22, q23);
      store(lower + 8 * stride + 1, stride, q24, q25, q26, q27);
      store(lower + 12 * stride + 1, stride, q28, q29, q30, q31);
    }
  }
  if (params.turn_pass != 0) {
    let left = 4 * column * stride + rows.x / 4;
    let right = 4 * column * stride + rows.y / 4;
    store_transposed(left, stride, p0, p1, p2, p3);
    store_transposed(left + 1, stride, p4, p5, p6, p7);
    store_transposed(left + 2, stride, p8, p9, p10, p11);
    store_transposed(left + 3, stride, p12, p13, p14, p15);
    store_transposed(right, stride, p16, p17, p18, p19);
    store_transposed(right + 1, stride, p20, p21, p22, p23);
    store_transposed(right + 2, stride, p24, p25, p26, p27);
    store_transposed(right + 3, stride, p28, p29, p30, p31);
    if (VECTORS == 2) {
      store_transposed(left + 4 * stride, stride, q0, q1, q2, q3);
      store_transposed(left + 1 + 4 * stride, stride, q4, q5, q6, q7);
      store_transposed(left + 2 + 4 * stride, stride, q8, q9, q10, q11);
      store_transposed(left + 3 + 4 * stride, stride, q12, q13, q14, q15);
      store_transposed(right + 4 * stride, stride, q16, q17, q18, q19);
      store_transposed(right + 1 + 4 * stride, stride, q20, q21, q22, q23);
      store_transposed(right + 2 + 4 * stride, stride, q24, q25, q26, q27);
      store_transposed(right + 3 + 4 * stride, stride, q28, q29, q30, q31);
    }
  }
}
