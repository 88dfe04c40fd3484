// A step of AdamW (arXiv 1711.05101), in place: with g = gradient_scale · gradient,
//   m ← beta1 · m + (1 − beta1) · g,  v ← beta2 · v + (1 − beta2) · g²
//   parameter ← parameter · keep − rate · m / (sqrt(v · correction) + eps)
// where the host gives keep = 1 − lr · decay, rate = lr / (1 − beta1ᵗ), correction = 1 / (1 − beta2ᵗ), and 1 − beta in its own
// precision. One thread an element.

struct Params {
  elements: u32,
  gradient_scale: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  keep: f32,
  rate: f32,
  correction: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(2) var<storage, read_write> second_moment: array<f32>;
@group(0) @binding(3) var<storage, read_write> parameter: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.elements) {
    return;
  }
  let g = params.gradient_scale * gradient[i];
  let m = params.beta1 * first_moment[i] + params.rest1 * g;
  let v = params.beta2 * second_moment[i] + params.rest2 * g * g;
  first_moment[i] = m;
  second_moment[i] = v;
  parameter[i] = parameter[i] * params.keep - params.rate * m / (sqrt(v * params.correction) + params.eps);
}
