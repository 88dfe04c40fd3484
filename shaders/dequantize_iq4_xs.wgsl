// IQ4_XS to f32: 136 bytes are a half float d, 2 bytes of high and 4 bytes of low bits of scales, and the nibbles q of 256
// values d · (scale − 32) · LEVELS[q], a 6-bit scale for a run of 32. Values of a run lie in 16 bytes, as in IQ4_NL. One
// thread a part: four of these bytes, 8 values. With common/iq4_levels.wgsl.

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
  let at = part / 32u * 136u;
  let run = part % 32u / 4u;
  let low = (byte_at(at + 4u + run / 2u) >> (4u * (run % 2u))) & 15u;
  let high = (byte_at(at + 2u + run / 4u) >> (2u * (run % 4u))) & 3u;
  let scale = half_at(at) * (f32(low | (high << 4u)) - 32.0);
  let q = four_bytes_at(at + 8u + part % 32u * 4u);
  store_part(part, scale * levels_of(bits_of(q, 0u, 15u)), scale * levels_of(bits_of(q, 4u, 15u)));
}
