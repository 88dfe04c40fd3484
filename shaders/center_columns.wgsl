// Subtracts from each column of weight (rows, n) its mean, in place: (I − 11ᵀ/rows) · weight.
// One thread a column, so that neighbouring threads read neighbouring elements of a row; sums go in f32 by blocks of 32, so
// that the error grows with the number of blocks and not of elements. Runs once a weight.

struct Params {
  rows: u32,
  n: u32,
}

@group(0) @binding(0) var<storage, read_write> weight: array<f32>;
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
  if (i >= params.n) {
    return;
  }
  var total = 0.0;
  for (var first = 0u; first < params.rows; first += BLOCK) {
    var sum = 0.0;
    let end = min(first + BLOCK, params.rows);
    for (var row = first; row < end; row++) {
      sum += weight[row * params.n + i];
    }
    total += sum;
  }
  let mean = total / f32(params.rows);
  for (var row = 0u; row < params.rows; row++) {
    weight[row * params.n + i] = weight[row * params.n + i] - mean;
  }
}
