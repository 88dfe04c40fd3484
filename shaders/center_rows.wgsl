// hidden_states[r, :] −= mean(hidden_states[r, :]), in place.
// hidden_states (rows, d), row-major. One thread a row; sums go in f32 by blocks of 32, so that the error grows with the
// number of blocks and not of elements. Runs once a model, over its embeddings.

struct Params {
  rows: u32,
  d: u32,
}

@group(0) @binding(0) var<storage, read_write> hidden_states: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

const BLOCK = 32u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.rows) {
    return;
  }
  let start = i * params.d;
  var total = 0.0;
  for (var first = 0u; first < params.d; first += BLOCK) {
    var sum = 0.0;
    let end = min(first + BLOCK, params.d);
    for (var c = first; c < end; c++) {
      sum += hidden_states[start + c];
    }
    total += sum;
  }
  let mean = total / f32(params.d);
  for (var c = 0u; c < params.d; c++) {
    hidden_states[start + c] = hidden_states[start + c] - mean;
  }
}
