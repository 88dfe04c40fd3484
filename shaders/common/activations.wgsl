// The activation function that ACTIVATION names. exp only sees numbers ≤ 0, so that it never overflows: WGSL may assume
// that there are no infinities. A NaN stays one.

override ACTIVATION: u32 = 0; // 0 silu, 1 relu, 2 gelu, 3 gelu_tanh, 4 relu2: activations.ts holds the host's side

fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// x · Φ(x) with Φ(−a) = ½ erfc(a/√2) = e^(−a²/2) · t · P(t), t = 1/(1 + 0.35 a): the form of Hastings (Abramowitz & Stegun
// 7.1.26). P is a minimax fit to the relative error for a in [0, 14], which is at most 3.2e-8; e^(−a²/2) is 0 from there on.
fn gelu(x: f32) -> f32 {
  let a = min(abs(x), 20.0);
  let t = 1.0 / (1.0 + 0.35 * a);
  var p = -0.0291459394;
  p = p * t + 0.143971742;
  p = p * t - 0.255714343;
  p = p * t + 0.159174261;
  p = p * t - 0.0231099038;
  p = p * t + 0.105508033;
  p = p * t + 0.11983286;
  p = p * t + 0.139861871;
  p = p * t + 0.139621404;
  let below = x * (exp(-0.5 * a * a) * t * p);
  return select(x - below, below, x < 0.0);
}

// ½x · (1 + tanh(v)) = x · sigmoid(2v), v = √(2/π) · (x + 0.044715 x³) (arXiv 1606.08415). Beyond |x| = 12 the sigmoid is 0
// or 1 in f32.
fn gelu_tanh(x: f32) -> f32 {
  let c = clamp(x, -12.0, 12.0);
  return x * sigmoid(1.5957691216057308 * (c + 0.044715 * c * c * c));
}

fn activate(x: f32) -> f32 {
  if (ACTIVATION == 0u) {
    return x * sigmoid(x);
  }
  if (ACTIVATION == 1u) {
    return select(x, 0.0, x < 0.0);
  }
  if (ACTIVATION == 2u) {
    return gelu(x);
  }
  if (ACTIVATION == 3u) {
    return gelu_tanh(x);
  }
  let positive = select(x, 0.0, x < 0.0);
  return positive * positive;
}
