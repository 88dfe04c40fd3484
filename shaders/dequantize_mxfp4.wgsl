// MXFP4 to f32: 17 bytes are an exponent e and the nibbles q of 32 values 2^(e − 128) · LEVELS[q]. One thread a part: 8 values.
// With common/fp4_levels.wgsl. Scales below 2^−126 are subnormal, which a device may take for zero.

// 2^(e − 128).
fn half_power(e: u32) -> f32 {
  return bitcast<f32>(select(0x00200000u << min(e, 2u), (e - 1u) << 23u, e >= 2u));
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
  let at = part / 4u * 17u;
  let d = half_power(byte_at(at));
  let q = four_bytes_at(at + 1u + part % 4u * 4u);
  store_part(part, d * levels_of(bits_of(q, 0u, 15u)), d * levels_of(bits_of(q, 4u, 15u)));
}
