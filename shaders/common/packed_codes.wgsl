// Grouped integers b of a matrix, four consecutive inputs of an output row at a time: rows of row_words words of codes,
// `BITS` each without a gap, the first in the lowest bits; from the word scales_at on a scale, and from zeros_at on a zero
// point (as codes are) or a minimum (half float), of each group of each row. packed.ts holds the host's side; the kernel
// binds b and has these names in its params. Half floats by common/half_to_f32.wgsl.
override BITS: u32 = 4; // 2, 3, 4, 8
override ZERO: u32 = 0; // 0 symmetric: signed codes, 1 integer: scale · (code − zero), 2 minimum: scale · code + minimum
override SCALE_F32: u32 = 0;
override ALIGNED: u32 = 1; // groups begin at multiples of four inputs

// Codes from a bit on: four of them are in the low bits. Only those of 3 bits lie across words.
fn bits_at(base: u32, bit: u32) -> u32 {
  let at = base + bit / 32u;
  let shift = bit % 32u;
  var word = b[at] >> shift;
  if (BITS == 3u && shift > 20u) {
    word |= b[at + 1u] << (32u - shift);
  }
  return word;
}

fn half_at(base: u32, index: u32) -> f32 {
  let word = b[base + index / 2u];
  return bitcast<f32>(widen(select(word & 0xffffu, word >> 16u, index % 2u == 1u)));
}

// Scale, and zero point or minimum, of an input's group.
fn group_of(row: u32, column: u32) -> vec2f {
  // The last word of a row may hold more than its inputs.
  let index = row * params.groups + min(column / params.group, params.groups - 1u);
  var scale = 0.0;
  if (SCALE_F32 == 1u) {
    scale = bitcast<f32>(b[params.scales_at + index]);
  } else {
    scale = half_at(params.scales_at, index);
  }
  if (ZERO == 1u) {
    return vec2f(scale, f32(bits_at(params.zeros_at, index * BITS) & ((1u << BITS) - 1u)));
  }
  if (ZERO == 2u) {
    return vec2f(scale, half_at(params.zeros_at, index));
  }
  return vec2f(scale, 0.0);
}

// Weights of the inputs column … column + 3, a multiple of four; what those beyond the row's end are means nothing.
fn weights(row: u32, column: u32) -> vec4f {
  let word = bits_at(row * params.row_words, column * BITS);
  var codes = vec4u(word, word >> BITS, word >> (2u * BITS), word >> (3u * BITS)) & vec4u((1u << BITS) - 1u);
  var numbers = vec4f(codes);
  if (ZERO == 0u) {
    let middle = 1u << (BITS - 1u);
    numbers = vec4f(codes ^ vec4u(middle)) - vec4f(f32(middle));
  }
  let first = group_of(row, column);
  var scales = vec4f(first.x);
  var zeros = vec4f(first.y);
  if (ALIGNED == 0u) {
    for (var i = 1u; i < 4u; i++) {
      let other = group_of(row, column + i);
      scales[i] = other.x;
      zeros[i] = other.y;
    }
  }
  if (ZERO == 2u) {
    return scales * numbers + zeros;
  }
  return scales * (numbers - zeros);
}
