// output[r, g] += Σ a[r, c] · b[r, c] over the columns of group g: (rows, d), row-major; output (rows, groups), of `group` places
// each, a place being a column, or with HAS_ORDER the column order[place]. b is read with HAS_B only. One thread a group;
// sums go in f32 by blocks of 32.

struct Params {
  rows: u32,
  d: u32,
  group: u32,
  groups: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

override HAS_ORDER: u32 = 0;
override HAS_B: u32 = 0;
override WORKGROUP_SIZE: u32 = 64;
const BLOCK = 32u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (i >= params.rows * params.groups) {
    return;
  }
  let row = i / params.groups;
  let start = i % params.groups * params.group;
  let stop = min(start + params.group, params.d);
  var total = 0.0;
  for (var first = start; first < stop; first += BLOCK) {
    var sum = 0.0;
    let end = min(first + BLOCK, stop);
    for (var place = first; place < end; place++) {
      var at = row * params.d + place;
      if (HAS_ORDER == 1u) {
        at = row * params.d + order[place];
      }
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
