// Q1_0 to f32: 18 bytes are a half float d and 128 bits: the value is d where its bit is set, else −d. One thread a part: four
// bytes, 32 values.

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
  let bits = four_bytes_at(at + 2u + part % 4u * 4u);
  for (var i = 0u; i < 8u; i++) {
    let q = vec4f((vec4u(bits) >> (vec4u(0u, 1u, 2u, 3u) + 4u * i)) & vec4u(1u));
    output[8u * part + i] = d * (2.0 * q - 1.0);
  }
}
