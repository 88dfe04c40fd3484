// How often the kernels of a product over vec4 multiply by each of common/matmul_factors.wgsl: once or not at all, as their
// override says (0, 1) or, with BY_PARAMS, as params.factors does. A loop that makes no round is left by a software adapter
// too, which would take the branch of a condition with its lanes switched off; and one pipeline then serves all products
// there, where compiling it takes a third of a second.
const BY_PARAMS = 2u;
const FACTOR_ROW_SCALE = 1u;
const FACTOR_GATE = 2u;

fn row_scale_count() -> u32 {
  if (HAS_ROW_SCALE == BY_PARAMS) {
    return params.factors & FACTOR_ROW_SCALE;
  }
  return HAS_ROW_SCALE;
}

fn gate_count() -> u32 {
  if (HAS_GATE == BY_PARAMS) {
    return (params.factors & FACTOR_GATE) / FACTOR_GATE;
  }
  return HAS_GATE;
}
