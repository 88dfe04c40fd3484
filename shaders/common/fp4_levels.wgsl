// The 16 numbers of E2M1, times two: a sign, two bits of exponent, one of fraction.
const LEVELS = array<f32, 16>(
  0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 0.0, -1.0, -2.0, -3.0, -4.0, -6.0, -8.0, -12.0
);

fn levels_of(q: vec4u) -> vec4f {
  var levels = LEVELS;
  return vec4f(levels[q.x], levels[q.y], levels[q.z], levels[q.w]);
}
