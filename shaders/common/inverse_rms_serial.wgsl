// As common/inverse_rms.wgsl, by one thread and without barriers; sums go in f32 by blocks of 32.
const BLOCK = 32u;

fn inverse_rms(start: u32) -> f32 {
  var total = 0.0;
  for (var first = 0u; first < params.d; first += BLOCK) {
    var sum = 0.0;
    let end = min(first + BLOCK, params.d);
    for (var c = first; c < end; c++) {
      let x = hidden_states[start + c];
      sum += x * x;
    }
    total += sum;
  }
  return 1.0 / sqrt(total / params.normalized_size + params.eps);
}
