// Rows first_output … of a matrix b with two of every four inputs stored as floats with their zeros, (n, k), row-major: the
// panel that a product of many rows reads right after. See common/sparse_2_4.wgsl. One thread writes four inputs of a row.

struct Params {
  n: u32,
  k: u32,
  first_output: u32,
  places_at: u32,
}

@group(0) @binding(0) var<storage, read> b: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let steps = params.k / 4u;
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.n * steps) {
    return;
  }
  let row = i / steps;
  let column = 4u * (i % steps);
  let numbers = weights(params.first_output + row, column);
  for (var j = 0u; j < 4u; j++) {
    output[row * params.k + column + j] = numbers[j];
  }
}
