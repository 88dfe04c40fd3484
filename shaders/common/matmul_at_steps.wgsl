// The operands of aᵀ · b in terms of common/left_steps.wgsl and common/right_steps.wgsl: the rows of both are the steps.

fn last_step() -> u32 {
  return params.k - 1u;
}

fn left_columns() -> u32 {
  return params.a_stride / 4u;
}

fn left_step(step: u32, column: u32) -> vec4f {
  return a[step * (params.a_stride / 4u) + column];
}

fn right_step(step: u32, column: u32) -> vec4f {
  return b[step * (params.b_stride / 4u) + column];
}
