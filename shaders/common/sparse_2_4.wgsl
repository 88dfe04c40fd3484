// A matrix b of which two of every four consecutive inputs of a row are stored, the others are zero: values without a gap, a
// pair to a word as half floats or, with VALUES_F32, to two words; from the word places_at on four bits for each pair, the
// place of the first value in its four inputs in the lower two. sparse.ts holds the host's side; the kernel binds b and has k
// and places_at in its params. k is a multiple of four. Half floats by half_to_f32.wgsl.
override VALUES_F32: u32 = 0;

// Weights of the inputs column … column + 3, a multiple of four.
fn weights(row: u32, column: u32) -> vec4f {
  let pair = row * (params.k / 4u) + column / 4u;
  let places = (b[params.places_at + pair / 8u] >> (4u * (pair % 8u))) & 15u;
  var values = vec2f();
  if (VALUES_F32 == 1u) {
    values = vec2f(bitcast<f32>(b[2u * pair]), bitcast<f32>(b[2u * pair + 1u]));
  } else {
    let word = b[pair];
    values = vec2f(bitcast<f32>(widen(word & 0xffffu)), bitcast<f32>(widen(word >> 16u)));
  }
  let inputs = vec4u(0u, 1u, 2u, 3u);
  let first = select(vec4f(), vec4f(values.x), inputs == vec4u(places & 3u));
  return select(first, vec4f(values.y), inputs == vec4u(places >> 2u));
}
