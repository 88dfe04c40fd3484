// output[first_row + r, c] = source[r, c], in place: rows of keys and values into a cache. source (rows, columns), output of as
// many columns and at least first_row + rows rows, row-major. One thread an element of the source.

struct Params {
  elements: u32,
  first: u32, // element of the output
}

@group(0) @binding(0) var<storage, read> source: array<f32>;
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
  if (i < params.elements) {
    output[params.first + i] = source[i];
  }
}
