// A token's part in a divergence between softmaxes, from the logarithms of its probabilities p (teacher) and q (student):
// KIND 0 forward KL, 1 reverse KL, 2 generalised Jensen–Shannon (arXiv 2306.13649) with params.beta.

override KIND: u32 = 0;

fn log_sum_of(state: vec4f) -> f32 {
  return state.x + log(state.y);
}

// ln of beta · e^p + (1 − beta) · e^q.
fn log_mixture(p: f32, q: f32) -> f32 {
  let high = max(p, q);
  return high + log(params.beta * exp(p - high) + (1.0 - params.beta) * exp(q - high));
}

// The term of the divergence, and q times its derivative by q.
fn terms(p: f32, q: f32) -> vec2f {
  if (KIND == 0u) {
    return vec2f(exp(p) * (p - q), -exp(p));
  }
  if (KIND == 1u) {
    return vec2f(exp(q) * (q - p));
  }
  let m = log_mixture(p, q);
  let own = (1.0 - params.beta) * exp(q) * (q - m);
  return vec2f(params.beta * exp(p) * (p - m) + own, own);
}
