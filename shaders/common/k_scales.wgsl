// The packed scales of Q4_K and Q5_K: 6-bit scale (x) and minimum (y) of eight runs of 32 values in 12 bytes at `at`, times
// the two half floats before them. Runs 0 … 3 are the low bits of bytes 0 … 3 and 4 … 7; runs 4 … 7 have four bits in a
// nibble of bytes 8 … 11 and two in the high bits of the bytes of run − 4. With common/blocks.wgsl.
fn scale_and_minimum(at: u32, run: u32) -> vec2f {
  let first = byte_at(at + run % 4u);
  let second = byte_at(at + 4u + run % 4u);
  var found = vec2u(first & 63u, second & 63u);
  if (run >= 4u) {
    let nibbles = byte_at(at + 4u + run);
    found = vec2u((nibbles & 15u) | ((first >> 6u) << 4u), (nibbles >> 4u) | ((second >> 6u) << 4u));
  }
  return vec2f(half_at(at - 4u), half_at(at - 2u)) * vec2f(found);
}
