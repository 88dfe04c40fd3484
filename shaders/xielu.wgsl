// xIELU (arXiv 2411.13010), elementwise: α₊·x² + β·x for x > 0, else (e^min(x, ε) − 1 − x)·α₋ + β·x. exp only sees numbers
// ≤ ε < 0, so that it never overflows; x itself is in both, so that a NaN stays one.
// One thread an element.

struct Params {
  elements: u32,
  alpha_p: f32,
  alpha_n: f32,
  beta: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
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
  let x = hidden_states[i];
  if (x > 0.0) {
    output[i] = (params.alpha_p * x + params.beta) * x;
  } else {
    output[i] = (exp(min(x, params.eps)) - 1.0 - x) * params.alpha_n + params.beta * x;
  }
}
