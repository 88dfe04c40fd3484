// Q3_K to f32: 110 bytes are 32 bytes of high bits, 64 bytes of the two low bits of q, 12 bytes of packed scales, and a
// half float d of 256 values d · (scale − 32) · q, a 6-bit scale for 16 values. Low bits lie as in Q2_K; 4 is subtracted
// where the high bit, bit `run` of the eight runs of 32 values, is not set. One thread a part: 16 values.

// Scale of a group of 16: four low bits in a nibble of bytes 0 … 7, two high bits in bytes 8 … 11.
fn scale_of(at: u32, group: u32) -> f32 {
  let low = (byte_at(at + group % 8u) >> (4u * (group / 8u))) & 15u;
  let high = (byte_at(at + 8u + group % 4u) >> (2u * (group / 4u))) & 3u;
  return f32(low | (high << 4u)) - 32.0;
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
  let at = part / 16u * 110u;
  let half = part % 16u / 8u;
  let column = part % 8u;
  let d = half_at(at + 108u);
  let high = four_bytes_at(at + 4u * column);
  let low = four_bytes_at(at + 32u + part % 16u * 4u);
  for (var run = 0u; run < 4u; run++) {
    let scale = d * scale_of(at + 96u, 8u * half + 2u * run + column / 4u);
    let q = vec4f(bits_of(low, 2u * run, 3u)) - 4.0 * vec4f(bits_of(~high, 4u * half + run, 1u));
    output[part / 16u * 64u + 32u * half + 8u * run + column] = scale * q;
  }
}
