// Stored blocks as words, and how kernels that decode them read: block sizes are no whole words, so a block may begin
// anywhere in a word. A thread decodes one part of a block, of which there are params.parts in all. With
// common/half_to_f32.wgsl.

struct Params {
  parts: u32,
}

@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

// The byte at an offset.
fn byte_at(at: u32) -> u32 {
  return (words[at / 4u] >> (8u * (at % 4u))) & 0xffu;
}

// The byte at an offset, as a signed number.
fn signed_byte_at(at: u32) -> f32 {
  return f32(bitcast<i32>(byte_at(at) << 24u) >> 24u);
}

// Four bytes from any offset on, the first in the lowest bits.
fn four_bytes_at(at: u32) -> u32 {
  let word = words[at / 4u];
  let shift = 8u * (at % 4u);
  if (shift == 0u) {
    return word;
  }
  return (word >> shift) | (words[at / 4u + 1u] << (32u - shift));
}

// The half float at an even offset.
fn half_at(at: u32) -> f32 {
  return bitcast<f32>(widen((words[at / 4u] >> (8u * (at % 4u))) & 0xffffu));
}

// The bits of `mask` of each of the four bytes of a word, moved down by `shift`.
fn bits_of(word: u32, shift: u32, mask: u32) -> vec4u {
  return (vec4u(word) >> (vec4u(0u, 8u, 16u, 24u) + shift)) & vec4u(mask);
}
