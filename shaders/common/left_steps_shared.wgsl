// As common/left_steps.wgsl, with loads shared by four lanes.

// The left side at four steps of k from 4 · kk on, a row a step, and at four rows of output. Each of four lanes loads one
// step and hands it to the others; steps beyond the last are zero.
fn left(row: u32, kk: u32, lane: u32) -> mat4x4f {
  let step = 4u * kk + lane;
  let own = left_step(min(step, last_step()), min(row / 4u, left_columns() - 1u));
  return transpose(share(select(vec4f(), own, step <= last_step())));
}
