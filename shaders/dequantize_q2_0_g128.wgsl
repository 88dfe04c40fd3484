// Q2_0 in blocks of 128 to f32: 34 bytes are a half float d and two-bit q of 128 values d · (q − 1), lowest bits first. One thread a part: four bytes, 16 values.

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
  let at = part / 8u * 34u;
  let d = half_at(at);
  let q = four_bytes_at(at + 2u + part % 8u * 4u);
  for (var i = 0u; i < 4u; i++) {
    output[4u * part + i] = d * (vec4f((vec4u(q) >> (vec4u(0u, 2u, 4u, 6u) + 8u * i)) & vec4u(3u)) - 1.0);
  }
}
