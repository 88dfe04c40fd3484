// Q8_0 to f32: 34 bytes are a half float d and signed bytes q of 32 values d · q. One thread a part: 8 values.

fn signed_bytes(word: u32) -> vec4f {
  return vec4f(bitcast<vec4i>(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
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
  let at = part / 4u * 34u;
  let d = half_at(at);
  let first = at + 2u + part % 4u * 8u;
  output[2u * part] = d * signed_bytes(four_bytes_at(first));
  output[2u * part + 1u] = d * signed_bytes(four_bytes_at(first + 4u));
}
