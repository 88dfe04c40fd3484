// output[w, c] = 1 where any of the `seqlen` rows of window w has |hidden_states[r, c]| ≥ threshold, else 0: the features that
// LLM.int8() (arXiv 2208.07339) leaves in floats. hidden_states (rows, d), output (rows / seqlen, d), row-major. One thread an
// element of the output.

struct Params {
  elements: u32,
  d: u32,
  seqlen: u32,
  threshold: f32,
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
  let start = i / params.d * params.seqlen * params.d + i % params.d;
  var found = 0.0;
  for (var row = 0u; row < params.seqlen; row++) {
    if (abs(hidden_states[start + row * params.d]) >= params.threshold) {
      found = 1.0;
    }
  }
  output[i] = found;
}
