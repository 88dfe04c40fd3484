// 1 / sqrt(Σ_c hidden_states[start + c]² / normalized_size + eps) over d elements (RMSNorm, arXiv 1910.07467), by one
// workgroup: each thread sums every WORKGROUP_SIZE-th square in f32, then a tree adds the threads' sums. All threads of a
// workgroup must come here, and get the result.
var<workgroup> sums: array<f32, WORKGROUP_SIZE>;

fn inverse_rms(start: u32, lane: u32) -> f32 {
  var sum = 0.0;
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    let x = hidden_states[start + c];
    sum += x * x;
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  return 1.0 / sqrt(sums[0] / params.normalized_size + params.eps);
}
