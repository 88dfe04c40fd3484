// Half floats to f32, exactly: 1 sign, 5 exponent and 10 mantissa bits become 1, 8 and 23 (IEEE 754 binary16, binary32).
// Done on bits, because WGSL may treat subnormals, infinities and NaN of its own conversion as it likes.
// words: two values each, the first in the low half. One thread a word.

struct Params {
  elements: u32,
}

@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

fn widen(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let exponent = (half >> 10u) & 0x1fu;
  let mantissa = half & 0x3ffu;
  if (exponent == 31u) {
    return sign | 0x7f800000u | (mantissa << 13u);
  }
  if (exponent != 0u) {
    return sign | ((exponent + 112u) << 23u) | (mantissa << 13u);
  }
  if (mantissa == 0u) {
    return sign;
  }
  // Subnormal: mantissa · 2^-24; the leading bit becomes the hidden one.
  let lead = firstLeadingBit(mantissa);
  return sign | ((lead + 103u) << 23u) | ((mantissa << (23u - lead)) & 0x7fffffu);
}

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
