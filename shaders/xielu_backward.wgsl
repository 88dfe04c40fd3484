// The gradient of xIELU (arXiv 2411.13010): grad_input = grad_output · (2·alpha_p·x + beta) for x > 0, else
// grad_output · (alpha_n · ([x < eps] · e^x − 1) + beta). e^x − 1 by its series near 0, where the difference cancels.
// One thread an element.

struct Params {
  elements: u32,
  alpha_p: f32,
  alpha_n: f32,
  beta: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read> grad_output: array<f32>;
@group(0) @binding(2) var<storage, read_write> grad_input: array<f32>;
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
  let below = min(x, 0.0);
  let series = below * (1.0 + below * (0.5 + below * (0.16666667 + below * 0.041666668)));
  let less = select(exp(below) - 1.0, series, below > -0.1);
  let negative = params.alpha_n * select(-1.0, less, x < params.eps) + params.beta;
  grad_input[i] = grad_output[i] * select(negative, 2.0 * params.alpha_p * x + params.beta, x > 0.0);
}
