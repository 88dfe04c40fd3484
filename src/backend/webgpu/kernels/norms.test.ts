import { afterAll, describe, expect, it } from 'vitest';
import type { Backend, LayerNormArgs, RmsNormArgs, RmsScaleArgs } from '../../backend.ts';
import { maxAbsDifference, normalisedError, openTwins, randomValues } from '../../testing.ts';
import type { WebGpuBackend } from '../webgpu_backend.ts';
import { layer_norm } from './layer_norm.ts';
import { rms_norm } from './rms_norm.ts';
import { rms_scale } from './rms_scale.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

const SHAPES = [
  [1, 1],
  [7, 13],
  [3, 64],
  [70, 200],
] as const;

/** f32 sums of up to 200 squares against f64. */
const BOUND = 1e-12;

/** Which of weight and bias are there. */
const PARTS = [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
] as const;

function parts(backend: Backend, d: number, hasWeight: boolean, hasBias: boolean) {
  return {
    weight: hasWeight ? backend.fromArray(randomValues(d, 2), [d], 'weight') : undefined,
    bias: hasBias ? backend.fromArray(randomValues(d, 3), [d], 'bias') : undefined,
  };
}

describe.skipIf(!twins).each([
  ['rms_norm', false],
  ['rms_norm_serial', true],
] as const)('%s against its f64 twin', (kernel, isSerial) => {
  const run = (backend: Backend, args: RmsNormArgs) =>
    backend.info.kind === 'cpu' ? backend.rms_norm(args) : rms_norm((backend as WebGpuBackend).context, args, isSerial);

  it.each(SHAPES)('normalises (%i, %i), with and without weight and bias', async (rows, d) => {
    for (const [hasWeight, hasBias] of PARTS) {
      const [found, expected] = await twins!.run((backend: Backend) => {
        const hidden_states = backend.fromArray(randomValues(rows * d, 1), [rows, d], 'hidden_states');
        const output = backend.empty([rows, d], 'output');
        // Divisor of the original hidden size, as a sliced model has it.
        const sizes = { eps: 1e-5, normalized_size: d + 5 };
        run(backend, { hidden_states, ...parts(backend, d, hasWeight, hasBias), ...sizes, output });
        return output;
      });
      expect([...twins!.kernels]).toEqual([kernel]);
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
    }
  });

  it.each([
    [1, 1, 1],
    [5, 3, 7],
    [40, 3, 64], // more stretches than one workgroup of the serial kernel takes
  ])('normalises %i rows of %i heads of %i, each head by itself', async (rows, heads, width) => {
    const [found, expected] = await twins!.run((backend: Backend) => {
      // Heads of very different sizes, so that a norm over the whole row would show.
      const values = randomValues(rows * heads * width, 4).map((x, at) => x * (1 + (Math.floor(at / width) % heads)));
      const hidden_states = backend.fromArray(values, [rows, heads * width], 'hidden_states');
      const output = backend.empty([rows, heads * width], 'output');
      const sizes = { eps: 1e-6, normalized_size: width, width };
      run(backend, { hidden_states, ...parts(backend, width, true, false), ...sizes, output });
      return output;
    });
    expect([...twins!.kernels]).toEqual([kernel]);
    expect(normalisedError(found, expected)).toBeLessThan(BOUND);
  });
});

describe.skipIf(!twins).each([
  ['rms_scale', false],
  ['rms_scale_serial', true],
] as const)('%s against its f64 twin', (kernel, isSerial) => {
  const run = (backend: Backend, args: RmsScaleArgs) =>
    backend.info.kind === 'cpu'
      ? backend.rms_scale(args)
      : rms_scale((backend as WebGpuBackend).context, args, isSerial);

  it.each(SHAPES)('gives the factors of (%i, %i)', async (rows, d) => {
    const [found, expected] = await twins!.run((backend: Backend) => {
      const hidden_states = backend.fromArray(randomValues(rows * d, 1), [rows, d], 'hidden_states');
      const output = backend.empty([rows, 1], 'output');
      run(backend, { hidden_states, eps: 1e-5, normalized_size: d + 5, output });
      return output;
    });
    expect([...twins!.kernels]).toEqual([kernel]);
    expect(normalisedError(found, expected)).toBeLessThan(BOUND);
  });
});

describe.skipIf(!twins).each([
  ['layer_norm', false],
  ['layer_norm_serial', true],
] as const)('%s against its f64 twin', (kernel, isSerial) => {
  const run = (backend: Backend, args: LayerNormArgs) =>
    backend.info.kind === 'cpu'
      ? backend.layer_norm(args)
      : layer_norm((backend as WebGpuBackend).context, args, isSerial);

  it.each(SHAPES)('normalises (%i, %i), with and without weight and bias', async (rows, d) => {
    for (const [hasWeight, hasBias] of PARTS) {
      const [found, expected] = await twins!.run((backend: Backend) => {
        const hidden_states = backend.fromArray(randomValues(rows * d, 1), [rows, d], 'hidden_states');
        const output = backend.empty([rows, d], 'output');
        run(backend, { hidden_states, ...parts(backend, d, hasWeight, hasBias), eps: 1e-5, output });
        return output;
      });
      expect([...twins!.kernels]).toEqual([kernel]);
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
    }
  });

  it.each([
    ['a mean far above the deviation', (x: number) => 1000 + x],
    ['one element far above the others', (x: number, at: number) => (at % 576 === 0 ? 1000 : x)],
  ])('takes rows with %s', async (_, change) => {
    const [rows, d] = [5, 576];
    const [found, expected] = await twins!.run((backend: Backend) => {
      const values = randomValues(rows * d, 5).map((x, at) => change(x * Math.sqrt(3), at));
      const hidden_states = backend.fromArray(values, [rows, d], 'hidden_states');
      const output = backend.empty([rows, d], 'output');
      run(backend, { hidden_states, eps: 1e-5, output });
      return output;
    });
    expect(normalisedError(found, expected)).toBeLessThan(BOUND);
  });

  it('gives zeros for a constant row', async () => {
    const [found] = await twins!.run((backend: Backend) => {
      const hidden_states = backend.fromArray(new Float32Array(70).fill(0.1), [1, 70], 'hidden_states');
      const output = backend.fromArray(randomValues(70, 6), [1, 70], 'output');
      run(backend, { hidden_states, eps: 1e-5, output });
      return output;
    });
    expect(maxAbsDifference(found, new Float64Array(70))).toBeLessThan(1e-9);
  });
});

describe.skipIf(!twins)('centring against its f64 twin', () => {
  it.each(SHAPES)('center_rows centres (%i, %i)', async (rows, d) => {
    const values = randomValues(rows * d, 3).map((x) => x + 2);
    const [found, expected] = await twins!.run((backend) => {
      const hidden_states = backend.fromArray(values, [rows, d], 'hidden_states');
      backend.center_rows({ hidden_states });
      return hidden_states;
    });
    expect(normalisedError(found, expected)).toBeLessThan(1e-11); // the mean of 2 cancels
  });

  it.each([...SHAPES, [577, 130] as const])('center_columns centres (%i, %i)', async (rows, n) => {
    const values = randomValues(rows * n, 3).map((x) => x + 2);
    const [found, expected] = await twins!.run((backend) => {
      const weight = backend.fromArray(values, [rows, n], 'weight');
      backend.center_columns({ weight });
      return weight;
    });
    expect([...twins!.kernels]).toEqual(['center_columns']);
    expect(normalisedError(found, expected)).toBeLessThan(1e-11); // the mean of 2 cancels
  });
});
