// A half float to the bits of an f32, exactly: 1 sign, 5 exponent and 10 mantissa bits become 1, 8 and 23 (IEEE 754
// binary16, binary32). Infinities and NaN go by their bits, because WGSL may treat those of its own conversion as it likes; a
// subnormal is its mantissa times 2^-24, both exact and normal in f32. Without branches, which a software adapter takes all.
fn widen(half: u32) -> u32 {
  let magnitude = half & 0x7fffu;
  // The exponent's bias is 127 instead of 15; of infinities and NaN all of its bits are set.
  let normal = (magnitude << 13u) + select(0x38000000u, 0x70000000u, magnitude >= 0x7c00u);
  let subnormal = bitcast<u32>(f32(magnitude) * 0x1p-24f);
  return ((half & 0x8000u) << 16u) | select(normal, subnormal, magnitude < 0x400u);
}
