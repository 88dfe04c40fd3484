// One thread computes 8 columns (two vec4) of a panel of rows: for software adapters, which keep few numbers in registers
// and pay for a load a hundred multiply-adds. 64 steps of k of the right side stay where they are while the rows go by, so
// that a round is short enough for the processor's instruction cache: longer code runs at half the speed, whatever it does.
// Each of the four lanes of a quad loads four steps of their row and gets those of the others by swaps of swaps, which are one
// shuffle each; so a lane meets steps in an order of its own, and the right side is loaded in that. All four must have the same rows.
// Beyond the last step both sides are zero: one side's zero times an infinity of the other would be NaN.
// The kernel gives last_step, right(vec4 column, four steps), left_at(row, four steps), left_row, panel_left(place), is_added and
// panel_store(row, column, two vec4, whether they are added to what is there), to which each round's sums go.
fn compute_panel(first: u32, end: u32, col: u32, lane: u32) {
  let steps = (last_step() + 4u) >> 2u;
  var loaded: array<mat4x4f, 32>;
  for (var kk = 0u; kk < steps; kk += 16u) {
    let adds = (kk > 0u) | is_added();
    // One place of code loads, and numbers that do not vary hold what was loaded: quick to compile, and to read.
    for (var i = 0u; i < 16u; i++) {
      let step = kk + ((i & ~3u) | ((i & 3u) ^ lane));
      loaded[2u * i] = panel_right(col, step, steps);
      loaded[2u * i + 1u] = panel_right(col + 1u, step, steps);
    }
    let p0 = loaded[0]; let q0 = loaded[1];
    let p1 = loaded[2]; let q1 = loaded[3];
    let p2 = loaded[4]; let q2 = loaded[5];
    let p3 = loaded[6]; let q3 = loaded[7];
    let p4 = loaded[8]; let q4 = loaded[9];
    let p5 = loaded[10]; let q5 = loaded[11];
    let p6 = loaded[12]; let q6 = loaded[13];
    let p7 = loaded[14]; let q7 = loaded[15];
    let p8 = loaded[16]; let q8 = loaded[17];
    let p9 = loaded[18]; let q9 = loaded[19];
    let p10 = loaded[20]; let q10 = loaded[21];
    let p11 = loaded[22]; let q11 = loaded[23];
    let p12 = loaded[24]; let q12 = loaded[25];
    let p13 = loaded[26]; let q13 = loaded[27];
    let p14 = loaded[28]; let q14 = loaded[29];
    let p15 = loaded[30]; let q15 = loaded[31];
    let x_bits = up_to_last(kk + lane);
    let y_bits = up_to_last(kk + 4u + lane);
    let z_bits = up_to_last(kk + 8u + lane);
    let w_bits = up_to_last(kk + 12u + lane);
    let x_at = left_at(first, min(kk + lane, steps - 1u));
    let y_at = left_at(first, min(kk + 4u + lane, steps - 1u));
    let z_at = left_at(first, min(kk + 8u + lane, steps - 1u));
    let w_at = left_at(first, min(kk + 12u + lane, steps - 1u));
    var passed = 0u;
    for (var row = first; row < end; row++) {
      let x = only(panel_left(x_at + passed), x_bits);
      let y = only(panel_left(y_at + passed), y_bits);
      let z = only(panel_left(z_at + passed), z_bits);
      let w = only(panel_left(w_at + passed), w_bits);
      var c = vec4f();
      var d = vec4f();
      c = plus(c, p0, x); d = plus(d, q0, x);
      let x1 = quadSwapX(x);
      c = plus(c, p1, x1); d = plus(d, q1, x1);
      let x2 = quadSwapDiagonal(x1);
      c = plus(c, p2, x2); d = plus(d, q2, x2);
      let x3 = quadSwapX(x2);
      c = plus(c, p3, x3); d = plus(d, q3, x3);
      c = plus(c, p4, y); d = plus(d, q4, y);
      let y1 = quadSwapX(y);
      c = plus(c, p5, y1); d = plus(d, q5, y1);
      let y2 = quadSwapDiagonal(y1);
      c = plus(c, p6, y2); d = plus(d, q6, y2);
      let y3 = quadSwapX(y2);
      c = plus(c, p7, y3); d = plus(d, q7, y3);
      c = plus(c, p8, z); d = plus(d, q8, z);
      let z1 = quadSwapX(z);
      c = plus(c, p9, z1); d = plus(d, q9, z1);
      let z2 = quadSwapDiagonal(z1);
      c = plus(c, p10, z2); d = plus(d, q10, z2);
      let z3 = quadSwapX(z2);
      c = plus(c, p11, z3); d = plus(d, q11, z3);
      c = plus(c, p12, w); d = plus(d, q12, w);
      let w1 = quadSwapX(w);
      c = plus(c, p13, w1); d = plus(d, q13, w1);
      let w2 = quadSwapDiagonal(w1);
      c = plus(c, p14, w2); d = plus(d, q14, w2);
      let w3 = quadSwapX(w2);
      c = plus(c, p15, w3); d = plus(d, q15, w3);
      panel_store(row, col, c, d, adds);
      passed += left_row();
    }
  }
}

// Of four steps from 4 · step on: all bits of those up to the last, none of those beyond.
fn up_to_last(step: u32) -> vec4u {
  return select(vec4u(), vec4u(0xffffffffu), vec4u(4u * step) + vec4u(0u, 1u, 2u, 3u) <= vec4u(last_step()));
}

// Whatever number it is, an infinity too: without its bits it is zero.
fn only(x: vec4f, bits: vec4u) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) & bits);
}

// As `right`; zeros beyond the last step.
fn panel_right(col: u32, step: u32, steps: u32) -> mat4x4f {
  if (step < steps) {
    return right(col, step);
  }
  return mat4x4f();
}
