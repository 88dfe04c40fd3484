// Q6_K to f32: 210 bytes are 128 bytes of the nibbles and 64 bytes of the two high bits of q, 16 signed scales, and a half
// float d of 256 values d · scale · (q − 32), a scale for 16 values. In a half of 128, value r has its nibble in byte
// r mod 64 (the high one from r = 64 on) and its high bits at 2 · ⌊r/32⌋ of byte r mod 32. One thread a part: 16 values.

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
  let at = part / 16u * 210u;
  let half = part % 16u / 8u;
  let column = part % 8u;
  let d = half_at(at + 208u);
  let high = four_bytes_at(at + 128u + part % 16u * 4u);
  for (var run = 0u; run < 4u; run++) {
    let scale = d * signed_byte_at(at + 192u + 8u * half + 2u * run + column / 4u);
    let low = four_bytes_at(at + 64u * half + 32u * (run % 2u) + 4u * column);
    let q = bits_of(low, 4u * (run / 2u), 15u) | (bits_of(high, 2u * run, 3u) << vec4u(4u));
    output[part / 16u * 64u + 32u * half + 8u * run + column] = scale * (vec4f(q) - 32.0);
  }
}
