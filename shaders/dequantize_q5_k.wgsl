// Q5_K to f32: 176 bytes are half floats d and dmin, 12 bytes of packed scales and minima, 32 bytes of fifth bits, and 128
// bytes of nibbles of q of 256 values d · scale · q − dmin · minimum. Nibbles lie as in Q4_K; the fifth bit of value j of a
// run of 32 is bit `run` of byte j. One thread a part: 8 values.

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
  let at = part / 32u * 176u;
  let chunk = part % 32u / 8u;
  let fifth = four_bytes_at(at + 16u + part % 8u * 4u);
  let q = four_bytes_at(at + 48u + part % 32u * 4u);
  let low = scale_and_minimum(at + 4u, 2u * chunk);
  let high = scale_and_minimum(at + 4u, 2u * chunk + 1u);
  let first = part / 32u * 64u + 16u * chunk + part % 8u;
  let low_q = bits_of(q, 0u, 15u) | (bits_of(fifth, 2u * chunk, 1u) << vec4u(4u));
  let high_q = bits_of(q, 4u, 15u) | (bits_of(fifth, 2u * chunk + 1u, 1u) << vec4u(4u));
  output[first] = low.x * vec4f(low_q) - low.y;
  output[first + 8u] = high.x * vec4f(high_q) - high.y;
}
