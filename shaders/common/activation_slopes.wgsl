// The derivative of the activation function that ACTIVATION names; stands beside activations.wgsl. exp only sees numbers ≤ 0.

// Φ(x) + x · φ(x), of x · Φ(x).
fn gelu_slope(x: f32) -> f32 {
  let c = clamp(x, -20.0, 20.0);
  // Φ by gelu's own fit; at 0, where that is 0/0, it is a half.
  let below = gelu(-abs(c)) / -max(abs(c), 1e-6);
  let tail = select(below, 0.5, abs(c) < 1e-6);
  return select(1.0 - tail, tail, c < 0.0) + c * 0.3989422804014327 * exp(-0.5 * c * c);
}

fn activation_slope(x: f32) -> f32 {
  if (ACTIVATION == 0u) {
    let s = sigmoid(x);
    // x · s · (1 − s), where 1 − s is sigmoid(−x)
    return s + x * s * sigmoid(-x);
  }
  if (ACTIVATION == 1u) {
    return select(x, select(0.0, 1.0, x > 0.0), x == x);
  }
  if (ACTIVATION == 2u) {
    return gelu_slope(x);
  }
  if (ACTIVATION == 3u) {
    let c = clamp(x, -12.0, 12.0);
    let s = sigmoid(1.5957691216057308 * (c + 0.044715 * c * c * c));
    return s + c * s * (1.0 - s) * 1.5957691216057308 * (1.0 + 0.134145 * c * c);
  }
  return 2.0 * max(0.0, x);
}
