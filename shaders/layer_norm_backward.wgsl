// The gradient of LayerNorm (arXiv 1607.06450) by its input: with g = weight ⊙ grad_output, r = 1 / sqrt(variance + eps) and
// x̂ = r · (hidden_states − mean),
//   grad_input = r · (g − mean(g) − x̂ · mean(g ⊙ x̂))
// hidden_states, grad_output, grad_input (rows, d), row-major; a row may also be a head of a longer row. One workgroup a row, in
// two passes as layer_norm.wgsl. weight is read with HAS_WEIGHT only; with ACCUMULATE the gradient is added to what grad_input
// holds.

struct Params {
  rows: u32,
  d: u32,
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

var<workgroup> sums: array<vec4f, WORKGROUP_SIZE>;

fn scaled_gradient(at: u32, c: u32) -> f32 {
  if (HAS_WEIGHT == 1u) {
    return grad_output[at] * weight[c];
  }
  return grad_output[at];
}

// The sum over the workgroup, in all threads; all must come here.
fn summed(own: vec4f, lane: u32) -> vec4f {
  workgroupBarrier();
  sums[lane] = own;
  workgroupBarrier();
  for (var half = WORKGROUP_SIZE / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
    workgroupBarrier();
  }
  return sums[0];
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
  let size = f32(params.d);
  var sum = 0.0;
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    sum += hidden_states[start + c];
  }
  let mean = summed(vec4f(sum, 0.0, 0.0, 0.0), lane).x / size;

  var own = vec4f(); // Σ deviation, Σ deviation², Σ g, Σ g · deviation
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    let deviation = hidden_states[start + c] - mean;
    let g = scaled_gradient(start + c, c);
    own += vec4f(deviation, deviation * deviation, g, g * deviation);
  }
  let total = summed(own, lane) / size;
  if (group >= params.rows) {
    return;
  }
  let rest = total.x;
  let scale = 1.0 / sqrt(max(0.0, total.y - rest * rest) + params.eps);
  let back = (total.w - total.z * rest) * scale * scale;
  for (var c = lane; c < params.d; c += WORKGROUP_SIZE) {
    let at = start + c;
    var gradient = scale * (scaled_gradient(at, c) - total.z - (hidden_states[at] - mean - rest) * back);
    if (ACCUMULATE == 1u) {
      gradient += grad_input[at];
    }
    grad_input[at] = gradient;
  }
}
