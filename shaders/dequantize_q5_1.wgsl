// Q5_1 to f32: 24 bytes are half floats d and m, the fifth bits and the nibbles of q of 32 values d · q + m. One thread a
// part: 8 values.

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
  let at = part / 4u * 24u;
  let first = part % 4u * 4u;
  let d = half_at(at);
  let m = half_at(at + 2u);
  let fifth = four_bytes_at(at + 4u);
  let q = four_bytes_at(at + 8u + first);
  let low = bits_of(q, 0u, 15u) | fifth_bits(fifth, first);
  let high = bits_of(q, 4u, 15u) | fifth_bits(fifth, first + 16u);
  store_part(part, d * vec4f(low) + m, d * vec4f(high) + m);
}
