/**
 * @file The 21 matrix types of LAPACK's tester of symmetric eigensolvers (TESTING/EIG/dchkst.f), with f32's ulp, overflow and
 * underflow. The two random ones of extreme norm go further than LAPACK's, to 1e±30.
 */
import { type MatrixFamily, normalNumbers, randomNumbers, symmetric, withEigenvalues } from './matrix_builders.ts';

const ULP = 2 ** -23;
/** √overflow and √underflow of f32. */
const LARGE = 2 ** 62;
const SMALL = 2 ** -62;

/** Eigenvalue i of n: from 1 down to ulp. */
type Spectrum = (i: number, n: number) => number;

const even: Spectrum = (i, n) => 1 - (i * (1 - ULP)) / Math.max(1, n - 1);
const geometric: Spectrum = (i, n) => ULP ** (i / Math.max(1, n - 1));
const clustered: Spectrum = (i) => (i === 0 ? 1 : ULP);

/** Signs as LAPACK draws them: each with probability ½. */
function withSigns(spectrum: Spectrum): Spectrum {
  return (i, n) => {
    const uniform = randomNumbers(101 + i);
    return (uniform() < 0.5 ? -1 : 1) * spectrum(i, n);
  };
}

const diagonal =
  (spectrum: Spectrum, scale = 1): MatrixFamily['build'] =>
  (n) =>
    symmetric(n, (i, j) => (i === j ? scale * spectrum(i, n) : 0));

/** UᵀDU. */
const dense =
  (spectrum: Spectrum, scale = 1): MatrixFamily['build'] =>
  (n) =>
    withEigenvalues(n, 3, (i) => scale * spectrum(i, n));

function random(n: number, scale: number): Float64Array {
  const normal = normalNumbers(7 + n);
  return symmetric(n, () => scale * normal());
}

/** Geometric diagonal, and beside it at most half of what a 2×2 block allows: diagonally dominant. */
function dominantTridiagonal(n: number): Float64Array {
  const uniform = randomNumbers(21);
  const beside = Array.from(
    { length: n },
    (_, i) => (uniform() - 0.5) * Math.sqrt(geometric(i, n) * geometric(i + 1, n)),
  );
  return symmetric(n, (i, j) => (i === j ? geometric(i, n) : j - i === 1 ? beside[i] : 0));
}

/** Types 1 to 21 in LAPACK's order, and a dense one that is diagonally dominant. */
export const LAPACK_FAMILIES: readonly MatrixFamily[] = [
  { name: 'zero', positive: true, build: (n) => new Float64Array(n * n) },
  { name: 'identity', positive: true, build: diagonal(() => 1) },
  { name: 'diagonal, even, signs', positive: false, build: diagonal(withSigns(even)) },
  { name: 'diagonal, geometric, signs', positive: false, build: diagonal(withSigns(geometric)) },
  { name: 'diagonal, clustered, signs', positive: false, build: diagonal(withSigns(clustered)) },
  { name: 'diagonal, geometric, signs, norm 2^62', positive: false, build: diagonal(withSigns(geometric), LARGE) },
  { name: 'diagonal, geometric, signs, norm 2^-62', positive: false, build: diagonal(withSigns(geometric), SMALL) },
  { name: 'mixed signs', positive: false, build: dense(withSigns(even)) },
  { name: 'geometric, signs', positive: false, build: dense(withSigns(geometric)) },
  { name: 'clustered, signs', positive: false, build: dense(withSigns(clustered)) },
  { name: 'mixed signs, norm 2^62', positive: false, build: dense(withSigns(even), LARGE) },
  { name: 'mixed signs, norm 2^-62', positive: false, build: dense(withSigns(even), SMALL) },
  { name: 'random', positive: false, build: (n) => random(n, 1) },
  { name: 'random, norm 1e30', positive: false, build: (n) => random(n, 1e30) },
  { name: 'random, norm 1e-30', positive: false, build: (n) => random(n, 1e-30) },
  { name: 'evenly spread', positive: true, build: dense(even) },
  { name: 'geometric', positive: true, build: dense(geometric) },
  { name: 'clustered at ulp', positive: true, build: dense(clustered) },
  { name: 'evenly spread, norm 2^62', positive: true, build: dense(even, LARGE) },
  { name: 'evenly spread, norm 2^-62', positive: true, build: dense(even, SMALL) },
  { name: 'dominant tridiagonal', positive: true, build: dominantTridiagonal },
  {
    name: 'diagonally dominant',
    positive: true,
    build: (n) => random(n, 1).map((value, at) => (at % (n + 1) === 0 ? 4 * n : value)),
  },
];
