// IQ4_NL to f32: 18 bytes are a half float d and the nibbles q of 32 values d · LEVELS[q]. One thread a part: 8 values. With
// common/iq4_levels.wgsl.

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
  let at = part / 4u * 18u;
  let d = half_at(at);
  let q = four_bytes_at(at + 2u + part % 4u * 4u);
  store_part(part, d * levels_of(bits_of(q, 0u, 15u)), d * levels_of(bits_of(q, 4u, 15u)));
}
