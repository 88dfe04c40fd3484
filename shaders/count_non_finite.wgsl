// counts[index] += number of NaN and infinite elements of values. Tested on bits: WGSL may assume that neither exists,
// and then x != x is false. All exponent bits set means NaN or infinity (IEEE 754 binary32).
// One thread every `stride`-th element; only a thread that found something touches the atomic.

struct Params {
  elements: u32,
  stride: u32,
  index: u32,
}

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  var found = 0u;
  for (var at = i; at < params.elements; at += params.stride) {
    found += select(0u, 1u, (values[at] & 0x7f800000u) == 0x7f800000u);
  }
  if (found > 0u) {
    atomicAdd(&counts[params.index], found);
  }
}
