// Q2_K to f32: 84 bytes are 16 bytes of scale and minimum nibbles, 64 bytes of two-bit q, and half floats d and dmin of 256
// values d · scale · q − dmin · minimum, a scale for 16 values. Run s of 32 values of a half of 128 is bits 2s, 2s + 1 of
// its 32 bytes. One thread a part: four of these bytes, 16 values.

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
  let at = part / 16u * 84u;
  let half = part % 16u / 8u;
  let column = part % 8u;
  let d = half_at(at + 80u);
  let dmin = half_at(at + 82u);
  let q = four_bytes_at(at + 16u + part % 16u * 4u);
  for (var run = 0u; run < 4u; run++) {
    let packed = byte_at(at + 8u * half + 2u * run + column / 4u);
    let scale = d * f32(packed & 15u);
    let minimum = dmin * f32(packed >> 4u);
    output[part / 16u * 64u + 32u * half + 8u * run + column] = scale * vec4f(bits_of(q, 2u * run, 3u)) - minimum;
  }
}
