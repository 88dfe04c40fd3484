// output[targets[t], c] += Σ hidden_states[order[j], c] for j in starts[t] … starts[t + 1], in this order: the same bits every
// time, without atomics. hidden_states (rows, d), output (n, d); targets differ. One thread a target and column.

struct Params {
  elements: u32,
  d: u32,
}

@group(0) @binding(0) var<storage, read> hidden_states: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> targets: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
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
  let row = i / params.d;
  let c = i % params.d;
  var sum = 0.0;
  let end = starts[row + 1u];
  for (var j = starts[row]; j < end; j++) {
    sum += hidden_states[order[j] * params.d + c];
  }
  output[targets[row] * params.d + c] += sum;
}
