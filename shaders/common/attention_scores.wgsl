// What the gradient of attention makes again of a query and a key: the score, as attention_options.wgsl shapes it, and its
// derivative by their product, scale · (1 − tanh²) under a soft cap. Sizes are in elements.

struct Score {
  value: f32,
  slope: f32,
}

fn score_of(product: f32, j: u32, position: u32, head: u32) -> Score {
  var score = product * params.scale;
  var slope = params.scale;
  if (HAS_SOFT_CAP == 1u) {
    let capped = stable_tanh(score / params.soft_cap);
    score = params.soft_cap * capped;
    slope *= 1.0 - capped * capped;
  }
  if (HAS_SLOPES == 1u) {
    score += slopes[head] * (f32(j) - f32(position));
  }
  return Score(score, slope);
}
