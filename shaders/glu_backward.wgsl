// The gradients of output = act(gate) ⊙ up, elementwise: grad_up = grad_output ⊙ act(gate),
// grad_gate = grad_output ⊙ up ⊙ act′(gate), with the functions of common/activations.wgsl. One thread an element.

struct Params {
  elements: u32,
}

@group(0) @binding(0) var<storage, read> gate: array<f32>;
@group(0) @binding(1) var<storage, read> up: array<f32>;
@group(0) @binding(2) var<storage, read> grad_output: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad_gate: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_up: array<f32>;
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
  grad_up[i] = grad_output[i] * activate(gate[i]);
  grad_gate[i] = grad_output[i] * up[i] * activation_slope(gate[i]);
}
