import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { divideAndConquer } from './divide_and_conquer.ts';
import { addProduct, transposed, view } from './gemm.ts';
import { secularRoots, secularVectors } from './secular.ts';
import type { SecularProblem } from './shared_work.ts';
import { atOnce } from './steps.ts';
import { diagonaliseTridiagonal } from './tridiagonal_ql.ts';

const ULP = 2 ** -53;
const random = randomNumbers(7);

/** Diagonal and coupling at place i of n. */
const FAMILIES: Record<string, (i: number, n: number) => [diagonal: number, off: number]> = {
  random: () => [random() - 0.5, random() - 0.5],
  'second differences': () => [2, -1],
  Wilkinson: (i, n) => [Math.abs(i - (n - 1) / 2), 1],
  'glued Wilkinson': (i) => [Math.abs((i % 21) - 10), i % 21 === 20 ? 1e-8 : 1],
  identity: () => [1, 0],
  zero: () => [0, 0],
  graded: (i, n) => [10 ** ((-12 * i) / n), 0.3 * 10 ** ((-12 * i) / n)],
  clustered: (i) => [1 + 1e-14 * i, 1e-15 * (random() - 0.5)],
  spike: (i) => (i === 0 ? [1e6, 1] : [random(), random()]),
};

function build(family: string, n: number) {
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const [d, e] = FAMILIES[family](i, n);
    diagonal[i] = d;
    off[i] = i + 1 < n ? e : 0;
  }
  return { diagonal, off };
}

describe.each(Object.keys(FAMILIES))('divideAndConquer: %s', (family) => {
  // Below the base case, just above it, and several levels with odd halves.
  it.each([1, 2, 31, 33, 70, 197])('n = %i', (n) => {
    const { diagonal: d, off: e } = build(family, n);
    const { values, vectors } = atOnce(divideAndConquer({ diagonal: d.slice(), off: e.slice() }));
    const gram = new Float64Array(n * n);
    addProduct(n, n, n, view(vectors, n), transposed(view(vectors, n)), view(gram, n));
    let norm = 0;
    for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(d[i]) + 2 * Math.abs(e[i]));
    let orthogonality = 0;
    let residual = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        orthogonality = Math.max(orthogonality, Math.abs(gram[i * n + j] - (i === j ? 1 : 0)));
        let product = d[i] * vectors[j * n + i];
        if (i > 0) product += e[i - 1] * vectors[j * n + i - 1];
        if (i + 1 < n) product += e[i] * vectors[j * n + i + 1];
        residual = Math.max(residual, Math.abs(product - values[j] * vectors[j * n + i]));
      }
    }
    expect(orthogonality).toBeLessThan(4 * (n + 4) * ULP);
    expect(residual).toBeLessThanOrEqual(4 * (n + 4) * ULP * norm);
    expect(values).toEqual(values.slice().sort());
  });

  it('has the eigenvalues of the QL iteration', () => {
    const n = 90;
    const { diagonal, off } = build(family, n);
    const norm = diagonal.reduce((most, d, i) => Math.max(most, Math.abs(d) + 2 * Math.abs(off[i])), 0);
    const { values } = atOnce(divideAndConquer({ diagonal: diagonal.slice(), off: off.slice() }));
    diagonaliseTridiagonal({ diagonal, off }, undefined, n);
    diagonal.sort().forEach((expected, i) => {
      expect(Math.abs(values[i] - expected)).toBeLessThanOrEqual(20 * n * ULP * norm);
    });
  });
});

/** With its roots. */
function solved(d: Float64Array, z: Float64Array, rho: number): SecularProblem {
  const k = d.length;
  const [eigenvalues, fitted] = [new Float64Array(k), new Float64Array(k)];
  const problem = { d, z, k, rho, eigenvalues, fitted, differences: new Float64Array(k * k) };
  secularRoots(problem);
  return problem;
}

describe('the secular equation', () => {
  it('interlaces its roots with d, and keeps the trace', () => {
    const d = Float64Array.from([-1, -1 + 1e-12, 0, 1e-9, 3, 8]);
    const z = Float64Array.from([0.5, 1e-6, -0.7, 0.2, 0.4, 1e-9]);
    const rho = 2.5;
    const { eigenvalues } = solved(d, z, rho);
    const squares = z.reduce((sum, value) => sum + value * value, 0);
    eigenvalues.forEach((root, j) => {
      expect(root).toBeGreaterThanOrEqual(d[j]);
      expect(root).toBeLessThanOrEqual(j + 1 < d.length ? d[j + 1] : d[j] + rho * squares);
    });
    const trace = d.reduce((sum, value) => sum + value, 0) + rho * squares;
    expect(eigenvalues.reduce((sum, value) => sum + value, 0)).toBeCloseTo(trace, 12);
  });

  it('gives orthogonal vectors for poles one unit apart', () => {
    const d = Float64Array.from([1, 1 + 4 * ULP, 1 + 8 * ULP, 2]);
    const z = Float64Array.from([0.5, -0.5, 0.5, 0.5]);
    const problem = solved(d, z, 1);
    secularVectors(problem, 4, Float64Array.of(0, 1, 2, 3));
    const vectors = problem.differences;
    const gram = new Float64Array(16);
    addProduct(4, 4, 4, view(vectors, 4), transposed(view(vectors, 4)), view(gram, 4));
    gram.forEach((value, i) => {
      expect(Math.abs(value - (i % 5 === 0 ? 1 : 0))).toBeLessThan(16 * ULP);
    });
  });

  it('makes the vectors of the largest roots alone, components in the order that is asked for', () => {
    const [d, z] = [Float64Array.of(-1, 0, 0.5, 2, 3), Float64Array.of(0.5, 0.1, -0.4, 0.7, 0.2)];
    const [all, some] = [solved(d, z, 1.5), solved(d, z, 1.5)];
    const columns = Float64Array.of(3, 0, 4, 1, 2);
    secularVectors(all, 5, Float64Array.of(0, 1, 2, 3, 4));
    secularVectors(some, 2, columns);
    for (const j of [3, 4]) {
      columns.forEach((component, at) => {
        expect(some.differences[j * 5 + at]).toBe(all.differences[j * 5 + component]);
      });
    }
  });

  it('solves the one-pole problem: d + ρ·z²', () => {
    expect(solved(Float64Array.of(2), Float64Array.of(0.5), 4).eigenvalues[0]).toBeCloseTo(3, 14);
  });
});
