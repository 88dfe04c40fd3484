// Q4_K to f32: 144 bytes are half floats d and dmin, 12 bytes of packed scales and minima, and 128 bytes of nibbles q of 256
// values d · scale · q − dmin · minimum, a scale for a run of 32. Runs 2c and 2c + 1 are the low and high nibbles of 32
// bytes. One thread a part: four of these bytes, 8 values.

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
  let at = part / 32u * 144u;
  let chunk = part % 32u / 8u;
  let q = four_bytes_at(at + 16u + part % 32u * 4u);
  let low = scale_and_minimum(at + 4u, 2u * chunk);
  let high = scale_and_minimum(at + 4u, 2u * chunk + 1u);
  let first = part / 32u * 64u + 16u * chunk + part % 8u;
  output[first] = low.x * vec4f(bits_of(q, 0u, 15u)) - low.y;
  output[first + 8u] = high.x * vec4f(bits_of(q, 4u, 15u)) - high.y;
}
