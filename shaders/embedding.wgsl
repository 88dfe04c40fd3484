// output[r, :] = weight[input_ids[r] - first_row, :] for rows whose token lies in this part of the table; other rows are
// left as they are, so that a table larger than one buffer goes part by part.
// weight (table_rows, d), output (rows, d), row-major. One thread an element.

struct Params {
  rows: u32,
  d: u32,
  first_row: u32,
  table_rows: u32,
}

@group(0) @binding(0) var<storage, read> input_ids: array<u32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.rows * params.d) {
    return;
  }
  let token = input_ids[i / params.d];
  if (token < params.first_row || token - params.first_row >= params.table_rows) {
    return;
  }
  output[i] = weight[(token - params.first_row) * params.d + i % params.d];
}
