// As common/left_steps.wgsl, with loads shared by four lanes.

// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output. Each of four lanes loads one
// step and hands it to the others; steps beyond the last are zero on the right side.
fn left(row: u32, kk: u32, lane: u32) -> mat4x4f {
  return transpose(share(left_step(min(4u * kk + lane, last_step()), min(row / 4u, left_columns() - 1u))));
}
