// Blocks of 32 values whose 4-bit parts fill 16 bytes: value j is the low nibble of byte j, value j + 16 the high one. A
// part is four of these bytes. With common/blocks.wgsl.

// Bit j of each of four bits from `first` on: the fifth bits of four values.
fn fifth_bits(bits: u32, first: u32) -> vec4u {
  return ((vec4u(bits) >> (vec4u(0u, 1u, 2u, 3u) + first)) & vec4u(1u)) << vec4u(4u);
}

fn store_part(part: u32, low: vec4f, high: vec4f) {
  let at = part / 4u * 8u + part % 4u;
  output[at] = low;
  output[at + 4u] = high;
}
