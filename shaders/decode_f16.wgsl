// Half floats to f32, exactly, by common/half_to_f32.wgsl.
// words: two values each, the first in the low half. One thread a word.

struct Params {
  elements: u32,
}

@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (2u * i >= params.elements) {
    return;
  }
  let word = words[i];
  output[2u * i] = widen(word & 0xffffu);
  if (2u * i + 1u < params.elements) {
    output[2u * i + 1u] = widen(word >> 16u);
  }
}
