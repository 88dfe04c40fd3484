// output[c] += Σ_r a[r, c] · b[r, c] over the rows of (rows, d). b is read with HAS_B only; without it the factor is 1.
// One thread a column, so that neighbouring threads read neighbouring elements of a row; sums go in f32 by blocks of 32, so
// that the error grows with the number of blocks and not of elements.

struct Params {
  rows: u32,
  d: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override HAS_B: u32 = 0;
const BLOCK = 32u;
override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.d) {
    return;
  }
  var total = 0.0;
  for (var first = 0u; first < params.rows; first += BLOCK) {
    var sum = 0.0;
    let end = min(first + BLOCK, params.rows);
    for (var row = first; row < end; row++) {
      let at = row * params.d + i;
      if (HAS_B == 1u) {
        sum += a[at] * b[at];
      } else {
        sum += a[at];
      }
    }
    total += sum;
  }
  output[i] += total;
}
