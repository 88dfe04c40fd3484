// What one token of the vocabulary adds to the divergence of two heads: w · (d, exp(d) − 1 − d) with w = exp(dense − maximum)
// and d = own − dense − shift. No term of the second sum is negative, so a small divergence keeps its digits in f32.

const LOWEST = -1e38; // below every score, and its multiple by log2(e), by which GPUs take exp, is still finite
const NOWHERE = 1e9; // behind every column

fn compared(dense: f32, own: f32, maximum: f32, shift: f32) -> vec2f {
  let d = own - dense - shift;
  let w = exp(dense - maximum);
  // Where d is small the difference would cancel; the first term left out is below 10⁻⁶ of the sum.
  let near = d * d * (0.5 + d * (1.0 / 6.0 + d * (1.0 / 24.0 + d * (1.0 / 120.0 + d * (1.0 / 720.0 + d / 5040.0)))));
  let far = exp(min(own - shift - maximum, 80.0)) - w - w * d;
  return vec2f(w * d, select(far, w * near, abs(d) <= 0.5));
}

// A column of the vocabulary where a head's highest logit stands, if this is one; else behind all.
fn place_of(logit: f32, maximum: f32, column: u32) -> f32 {
  return select(NOWHERE, f32(column), logit == maximum);
}
