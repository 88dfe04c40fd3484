// NVFP4 to f32: 36 bytes are four E4M3 scales without a sign and the nibbles q of 64 values scale/2 · LEVELS[q], a scale for 16
// values: the low nibbles of 8 bytes, then the high ones. One thread a part: four of these bytes, 8 values. With
// common/fp4_levels.wgsl.

// Half of an E4M3 number (bias 7); 0x7f, its NaN, is zero as in ggml.
fn half_scale(byte: u32) -> f32 {
  let exponent = (byte >> 3u) & 15u;
  let fraction = byte & 7u;
  if (byte == 127u) {
    return 0.0;
  }
  if (exponent == 0u) {
    return f32(fraction) / 1024.0;
  }
  return bitcast<f32>(((exponent + 119u) << 23u) | (fraction << 20u));
}

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) group_count: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = (group_id.x + group_id.y * group_count.x) * WORKGROUP_SIZE + lane;
  if (part >= params.parts) {
    return;
  }
  let at = part / 8u * 36u;
  let run = part % 8u / 2u;
  let scale = half_scale(byte_at(at + run));
  let q = four_bytes_at(at + 4u + part % 8u * 4u);
  let first = part / 8u * 16u + 4u * run + part % 2u;
  output[first] = scale * levels_of(bits_of(q, 0u, 15u));
  output[first + 2u] = scale * levels_of(bits_of(q, 4u, 15u));
}
