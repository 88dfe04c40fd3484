// Adds a term to a sum that is held as a pair: high, and in low what f32 rounding leaves out of high. Elementwise; the
// true sum is high + low, which the host forms in f64. SUMMATION_* are the values of params.summation.
// A textbook two-sum recovers the rounding error by float arithmetic that a compiler may simplify to zero (WGSL,
// "Reassociation and Fusion"; it happens on Metal and naga). Here integer operations cut both operands at one quantum, so
// that the upper parts add exactly in any order, and the lower parts are small numbers whose own rounding does no harm.

const SUMMATION_PLAIN = 0u;
const SUMMATION_INTEGER = 1u;
const SUMMATION_FLOAT = 2u;

struct Pair {
  high: vec4f,
  low: vec4f,
}

// Below the exponent of 2⁻⁷⁹ the lower parts would be subnormal: such a sum is rounded.
const LEAST_EXPONENT = 48u;

// The upper part of x, a multiple of the quantum, and the rest. `drop`: how many mantissa bits lie below the quantum.
fn cut(bits: vec4u, exponent: vec4u, drop: vec4u) -> Pair {
  let below = (vec4u(1u) << drop) - vec4u(1u);
  let mantissa = (bits & vec4u(0x7fffffu)) | vec4u(0x800000u);
  let sign = bits & vec4u(0x80000000u);
  let upper = select(bits & ~below, sign, drop >= vec4u(24u));
  // 2^(exponent − 150), the weight of the last mantissa bit, with the sign of x; numbers below 2⁻¹⁰³ are dropped.
  let weight = bitcast<vec4f>(sign | ((max(exponent, vec4u(24u)) - vec4u(23u)) << vec4u(23u)));
  let rest = select(vec4u(), mantissa & below, exponent >= vec4u(24u));
  return Pair(bitcast<vec4f>(upper), vec4f(rest) * weight);
}

fn add_by_integers(pair: Pair, term: vec4f) -> Pair {
  let a = bitcast<vec4u>(pair.high);
  let b = bitcast<vec4u>(term);
  let a_exponent = (a >> vec4u(23u)) & vec4u(0xffu);
  let b_exponent = (b >> vec4u(23u)) & vec4u(0xffu);
  // |high + term| < 2^(top + 1), so that 24 bits above 2^(top − 23) hold the sum of the upper parts.
  let top = max(a_exponent, b_exponent) + vec4u(1u);
  let a_parts = cut(a, a_exponent, min(top - a_exponent, vec4u(24u)));
  let b_parts = cut(b, b_exponent, min(top - b_exponent, vec4u(24u)));
  let is_tiny = top <= vec4u(LEAST_EXPONENT);
  return Pair(
    select(a_parts.high + b_parts.high, pair.high + term, is_tiny),
    select(pair.low + (a_parts.low + b_parts.low), pair.low, is_tiny)
  );
}

// Two-sum (Knuth, TAOCP vol. 2, §4.2.2), for devices that keep it whole.
fn add_by_floats(pair: Pair, term: vec4f) -> Pair {
  let sum = pair.high + term;
  let added = sum - pair.high;
  return Pair(sum, pair.low + ((pair.high - (sum - added)) + (term - added)));
}

fn add_to_pair(pair: Pair, term: vec4f) -> Pair {
  if (params.summation == SUMMATION_INTEGER) {
    return add_by_integers(pair, term);
  }
  return add_by_floats(pair, term);
}
