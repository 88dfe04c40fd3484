// A half float to the bits of an f32, exactly: 1 sign, 5 exponent and 10 mantissa bits become 1, 8 and 23 (IEEE 754
// binary16, binary32). Done on bits, because WGSL may treat subnormals, infinities and NaN of its own conversion as it
// likes.
fn widen(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let exponent = (half >> 10u) & 0x1fu;
  let mantissa = half & 0x3ffu;
  if (exponent == 31u) {
    return sign | 0x7f800000u | (mantissa << 13u);
  }
  if (exponent != 0u) {
    return sign | ((exponent + 112u) << 23u) | (mantissa << 13u);
  }
  if (mantissa == 0u) {
    return sign;
  }
  // Subnormal: mantissa · 2^-24; the leading bit becomes the hidden one.
  let lead = firstLeadingBit(mantissa);
  return sign | ((lead + 103u) << 23u) | ((mantissa << (23u - lead)) & 0x7fffffu);
}
