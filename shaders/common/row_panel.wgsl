// One thread computes 8 columns (two vec4) of a panel of rows: for software adapters, which keep few numbers in registers
// and pay for a load a hundred multiply-adds. 32 steps of k of the right side stay where they are while the rows go by, so
// that a round is short enough for the processor's instruction cache: longer code runs at half the speed, whatever it does.
// Each of the four lanes of a quad loads a vec4 of its row for all of them: their rows must be the same. What a round gives
// is added to the output. n is a multiple of 8, k of 4.
fn compute_panel(first: u32, end: u32, col: u32, lane: u32) {
  let steps = params.k >> 2u;
  let columns = params.n >> 2u;
  let a_columns = params.a_stride >> 2u;
  let output_columns = params.output_stride >> 2u;
  for (var kk = 0u; kk < steps; kk += 8u) {
    let adds = kk > 0u || params.accumulate != 0u;
    let p0 = panel_right(col, kk + 0u, steps); let q0 = panel_right(col + 1u, kk + 0u, steps);
    let p1 = panel_right(col, kk + 1u, steps); let q1 = panel_right(col + 1u, kk + 1u, steps);
    let p2 = panel_right(col, kk + 2u, steps); let q2 = panel_right(col + 1u, kk + 2u, steps);
    let p3 = panel_right(col, kk + 3u, steps); let q3 = panel_right(col + 1u, kk + 3u, steps);
    let p4 = panel_right(col, kk + 4u, steps); let q4 = panel_right(col + 1u, kk + 4u, steps);
    let p5 = panel_right(col, kk + 5u, steps); let q5 = panel_right(col + 1u, kk + 5u, steps);
    let p6 = panel_right(col, kk + 6u, steps); let q6 = panel_right(col + 1u, kk + 6u, steps);
    let p7 = panel_right(col, kk + 7u, steps); let q7 = panel_right(col + 1u, kk + 7u, steps);
    for (var row = first; row < end; row++) {
      let from_a = row * a_columns + kk + lane;
      let at = row * output_columns + col;
      let x = select(vec4f(), a[from_a], kk + lane < steps);
      let y = select(vec4f(), a[from_a + 4u], kk + 4u + lane < steps);
      var c = vec4f();
      var d = vec4f();
      let x0 = quadBroadcast(x, 0u);
      c += p0 * x0;
      d += q0 * x0;
      let x1 = quadBroadcast(x, 1u);
      c += p1 * x1;
      d += q1 * x1;
      let x2 = quadBroadcast(x, 2u);
      c += p2 * x2;
      d += q2 * x2;
      let x3 = quadBroadcast(x, 3u);
      c += p3 * x3;
      d += q3 * x3;
      let y0 = quadBroadcast(y, 0u);
      c += p4 * y0;
      d += q4 * y0;
      let y1 = quadBroadcast(y, 1u);
      c += p5 * y1;
      d += q5 * y1;
      let y2 = quadBroadcast(y, 2u);
      c += p6 * y2;
      d += q6 * y2;
      let y3 = quadBroadcast(y, 3u);
      c += p7 * y3;
      d += q7 * y3;
      if (col < columns) {
        if (adds) {
          c += output[at];
          d += output[at + 1u];
        }
        output[at] = c;
        output[at + 1u] = d;
      }
    }
  }
}

// As `right`; steps beyond the last meet zeros of the left side, and numbers of the last.
fn panel_right(col: u32, kk: u32, steps: u32) -> mat4x4f {
  return right(col, min(kk, steps - 1u));
}
