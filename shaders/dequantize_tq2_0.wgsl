// TQ2_0 to f32: 66 bytes are 64 bytes of two-bit q and a half float d of 256 values d · (q − 1), which lie as in Q2_K. One
// thread a part: four of these bytes, 16 values.

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
  let at = part / 16u * 66u;
  let d = half_at(at + 64u);
  let q = four_bytes_at(at + part % 16u * 4u);
  let first = part / 16u * 64u + 32u * (part % 16u / 8u) + part % 8u;
  for (var run = 0u; run < 4u; run++) {
    output[first + 8u * run] = d * (vec4f(bits_of(q, 2u * run, 3u)) - 1.0);
  }
}
