// TQ1_0 to f32: 54 bytes are 52 bytes of ternary digits and a half float d of 256 values d · (digit − 1). A byte is a fraction
// of 256 in base 3. 32 bytes hold five digits each (the first of all of them, then the second …), so do 16, and 4 hold four.
// One thread a part: four bytes, 20 or 16 values.

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
  let at = part / 13u * 54u;
  let piece = part % 13u;
  let d = half_at(at + 52u);
  var first = part / 13u * 64u + piece;
  var stride = 8u;
  var digits = 5u;
  if (piece >= 12u) {
    first += 48u;
    stride = 1u;
    digits = 4u;
  } else if (piece >= 8u) {
    first += 32u;
    stride = 4u;
  }
  var fraction = bits_of(four_bytes_at(at + 4u * piece), 0u, 255u);
  for (var digit = 0u; digit < digits; digit++) {
    let tripled = 3u * fraction;
    output[first + stride * digit] = d * (vec4f(tripled >> vec4u(8u)) - 1.0);
    fraction = tripled & vec4u(255u);
  }
}
