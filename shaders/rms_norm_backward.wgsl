// The gradient of RMSNorm (arXiv 1910.07467) by its input: with g = weight ⊙ grad_output and
// r = 1 / sqrt(Σ_c hidden_states² / normalized_size + eps),
//   grad_input = r · g − hidden_states · r³ / normalized_size · Σ_c g ⊙ hidden_states
// hidden_states, grad_output, grad_input (rows, d), row-major; a row may also be a head of a longer row. One workgroup a row:
// each thread sums every WORKGROUP_SIZE-th term, then a tree adds the threads' sums. weight is read with HAS_WEIGHT only; with
// ACCUMULATE the gradient is added to what grad_input holds.

struct Params {
  rows: u32,
  d: u32,
  normalized_size: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> grad_output: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64; // a power of two
override HAS_WEIGHT: u32 = 1;
override ACCUMULATE: u32 = 0;

var<workgroup> sums: array<vec2f, WORKGROUP_SIZE>;

fn scaled_gradient(at: u32, c: u32) -> f32 {
  if (HAS_WEIGHT == 1u) {
    return grad_output[at] * weight[c];
  }
  return grad_output[at];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = group_id.x + group_id.y * group_count.x;
  let row = min(group, params.rows - 1u); // a spare workgroup keeps the barriers uniform and writes nothing
  let start = row * params.d;
  var both = vec2f();
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    let x = hidden_states[start + c];
    both += vec2f(x * x, x * scaled_gradient(start + c, c));
  }
  sums[lane] = both;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  if (group >= params.rows) {
    return;
  }
  let scale = 1.0 / sqrt(sums[0].x / params.normalized_size + params.eps);
  let back = sums[0].y * scale * scale * scale / params.normalized_size;
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    let at = start + c;
    var gradient = scale * scaled_gradient(at, c) - back * hidden_states[at];
    if (ACCUMULATE == 1u) {
      gradient += grad_input[at];
    }
    grad_input[at] = gradient;
  }
}
