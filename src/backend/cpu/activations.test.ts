/** @file The activation functions and their kernels, against values of Python's math.erf and of PyTorch 2.13 in f64. */
import { describe, expect, it } from 'vitest';
import type { ActivationName } from '../backend.ts';
import { ACTIVATIONS, erf } from './activations.ts';
import { createCpuBackend } from './cpu_backend.ts';

const backend = createCpuBackend();

/** [x, math.erf(x)]. */
const ERF: [x: number, value: number][] = [
  [0, 0],
  [1e-10, 1.1283791670955126e-10],
  [0.001, 0.0011283787909692365],
  [0.1, 0.1124629160182849],
  [0.25, 0.2763263901682369],
  [0.5, 0.5204998778130465],
  [0.75, 0.7111556336535151],
  [1, 0.8427007929497149],
  [1.25, 0.9229001282564582],
  [1.5, 0.9661051464753108],
  [1.75, 0.9866716712191824],
  [2, 0.9953222650189527],
  [2.25, 0.9985372834133188],
  [2.4999, 0.9995928300996666],
  [2.5, 0.999593047982555],
  [2.75, 0.9998993780778803],
  [3, 0.9999779095030014],
  [3.5, 0.9999992569016276],
  [4, 0.9999999845827421],
  [5, 0.9999999999984626],
  [5.9, 0.9999999999999999],
  [6.5, 1],
];

const POINTS = [-30, -6, -3, -1.5, -1, -0.5, -0.01, 0, 0.01, 0.5, 1, 2, 4, 12];

/** torch.nn.functional's values at POINTS. */
const TORCH: Record<ActivationName, number[]> = {
  silu: [
    -2.8072868906517896e-12, -0.014835738939808647, -0.14227761953270035, -0.2736382857095345, -0.2689414213699951,
    -0.1887703343990727, -0.00497500020833125, 0, 0.00502499979166875, 0.3112296656009273, 0.7310585786300049,
    1.7615941559557646, 3.928055160151634, 11.999926269904773,
  ],
  relu: [0, 0, 0, 0, 0, 0, 0, 0, 0.01, 0.5, 1, 2, 4, 12],
  gelu: [
    0, -5.919525869479969e-9, -0.00404969409489031, -0.10021080190328704, -0.15865525393145702, -0.15426876936299344,
    -0.004960106436853684, 0, 0.005039893563146316, 0.34573123063700656, 0.841344746068543, 1.9544997361036416,
    3.9998733150326675, 12,
  ],
  gelu_tanh: [
    0, -8.43964897967453e-11, -0.0036373920817729943, -0.10042842301976707, -0.15880800939172324, -0.15428599017485606,
    -0.0049601064401444276, 0, 0.005039893559855573, 0.34571400982514394, 0.8411919906082768, 1.954597694087775,
    3.9999297540518075, 12,
  ],
  relu2: [0, 0, 0, 0, 0, 0, 0, 0, 0.0001, 0.25, 1, 4, 16, 144],
};

const NAMES = Object.keys(TORCH) as ActivationName[];

describe('erf', () => {
  it.each(ERF)('of ±%d agrees with math.erf to 1e-15', (x, value) => {
    expect(Math.abs(erf(x) - value)).toBeLessThan(1e-15);
    expect(erf(-x) + erf(x)).toBe(0);
  });
});

describe.each(NAMES)('%s', (activation) => {
  it('agrees with torch', () => {
    for (const [i, x] of POINTS.entries()) {
      const error = Math.abs(ACTIVATIONS[activation](x) - TORCH[activation][i]);
      expect(error).toBeLessThan(1e-15 * Math.max(1, Math.abs(x)));
    }
  });

  it('is the identity (or its square) or nothing far out, and keeps a NaN', () => {
    expect(ACTIVATIONS[activation](1e30)).toBe(activation === 'relu2' ? 1e30 ** 2 : 1e30);
    expect(Math.abs(ACTIVATIONS[activation](-1e30))).toBe(0);
    expect(ACTIVATIONS[activation](Number.NaN)).toBeNaN();
  });

  it('is what the kernels activation and glu apply', async () => {
    const shape = [2, POINTS.length / 2] as const;
    const gate = backend.fromArray(POINTS, shape, 'gate');
    const output = backend.empty(shape, 'output');
    backend.activation({ activation, hidden_states: gate, output });
    expect([...(await backend.read(output))]).toEqual(POINTS.map(ACTIVATIONS[activation]));
    const up = POINTS.map((_, i) => i - 5);
    backend.glu({ activation, gate, up: backend.fromArray(up, shape, 'up'), output });
    expect([...(await backend.read(output))]).toEqual(POINTS.map((x, i) => ACTIVATIONS[activation](x) * up[i]));
  });
});

describe('clip', () => {
  it('keeps what is within the limit, and NaN', async () => {
    const hidden_states = backend.fromArray([-1e30, -2, -1, 0, 1.5, Number.NaN], [2, 3], 'hidden_states');
    backend.clip({ hidden_states, limit: 1.5 });
    expect([...(await backend.read(hidden_states))]).toEqual([-1.5, -1.5, -1, 0, 1.5, Number.NaN]);
  });
});

describe('soft_cap', () => {
  it('keeps small values, and all within the cap', async () => {
    const hidden_states = backend.fromArray([-1e30, -30, -1e-6, 0, 1, 15, 1e30], [1, 7], 'hidden_states');
    backend.soft_cap({ hidden_states, cap: 30 });
    const found = await backend.read(hidden_states);
    // 30·tanh(x/30) by Python's math.tanh.
    const expected = [-30, -22.847824678672946, -1e-6, 0, 0.9996297941646859, 13.863514717800292, 30];
    for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 13);
  });
});
