// As common/inverse_rms.wgsl, by one thread and without barriers; sums go in f32 by blocks of 16, written out, because a round
// of a loop costs a software adapter as much as several elements.
const BLOCK = 16u;

fn four(at: u32) -> vec4f {
  return vec4f(hidden_states[at], hidden_states[at + 1u], hidden_states[at + 2u], hidden_states[at + 3u]);
}

fn inverse_rms(start: u32) -> f32 {
  var total = 0.0;
  let blocks_end = params.d / BLOCK * BLOCK;
  for (var c = 0u; c < blocks_end; c += BLOCK) {
    let x0 = four(start + c);
    let x1 = four(start + c + 4u);
    let x2 = four(start + c + 8u);
    let x3 = four(start + c + 12u);
    total += dot(x0 * x0 + x1 * x1 + x2 * x2 + x3 * x3, vec4f(1.0));
  }
  for (var c = blocks_end; c < params.d; c++) {
    let x = hidden_states[start + c];
    total += x * x;
  }
  return 1.0 / sqrt(total / params.normalized_size + params.eps);
}
