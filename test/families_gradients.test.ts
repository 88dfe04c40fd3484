/** The reverse pass of every family, whole and sliced, by finite differences in f64: the slope of the loss in a random direction. */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { normalisedError, randomValues } from '../src/backend/testing.ts';
import { type DecoderModel, storedWeights, type WeightRef, xieluWeights } from '../src/models/decoder_model.ts';
import { evaluate } from '../src/runtime/perplexity.ts';
import type { TokenWindows } from '../src/runtime/windows.ts';
import { elementCount } from '../src/tensor/shape.ts';
import { families } from './fixtures/families/family_model.ts';
import { familyJob } from './support/golden.ts';
import { gradientsOf } from './support/gradient_job.ts';
import { perturbed } from './support/perturbed_model.ts';
import { compress, EXACT_SEQUENTIAL } from './support/slice_job.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

/**
 * Exact in f32 beside weights below 8, and small: where a clip or xIELU has its kink, elements that cross it would show.
 */
const STEP = 2 ** -18;

/** Everything but xIELU's numbers, which are read on the host and stay as they are. */
function trainable(model: DecoderModel): WeightRef[] {
  const fixed = new Set(model.layers.flatMap(({ mlp }) => xieluWeights(mlp.xielu)));
  return storedWeights(model).filter((ref) => !fixed.has(ref));
}

async function lossOf(model: DecoderModel, windows: TokenWindows): Promise<number> {
  const { windows: losses } = await evaluate(backend, model, windows);
  return losses.reduce((sum, { loss }) => sum + loss, 0) / losses.length;
}

/** One after the other: a bias of keys has no gradient but noise. */
const together = (gradients: ReadonlyMap<WeightRef, Float64Array>) =>
  [...gradients.values()].flatMap((values) => [...values]);

/** |difference − gradient·direction| over the gradient's norm, along random signs of every weight. */
async function worst(model: DecoderModel, windows: TokenWindows): Promise<number> {
  const refs = trainable(model);
  const { loss, gradients } = await gradientsOf(backend, model, windows, refs, windows.seqlen);
  expect(loss).toBeCloseTo(await lossOf(model, windows), 10);
  // With nothing kept, layers run again on the way down.
  const again = await gradientsOf(backend, model, windows, refs, windows.seqlen, { layerBytes: 0, logitsBytes: 0 });
  expect(normalisedError(together(again.gradients), together(gradients))).toBeLessThan(1e-20);
  const signs = new Map(refs.map((ref, i) => [ref, randomValues(elementCount(ref.shape), i + 1).map(Math.sign)]));
  const shifted = (sign: number) =>
    perturbed(model, (ref) => {
      const found = signs.get(ref);
      return found && Float64Array.from(found, (value) => sign * STEP * value);
    });
  const above = await lossOf(shifted(1), windows);
  const below = await lossOf(shifted(-1), windows);
  let slope = 0;
  let squares = 0;
  for (const [ref, direction] of signs) {
    const gradient = gradients.get(ref) as Float64Array;
    for (let i = 0; i < gradient.length; i++) {
      slope += gradient[i] * direction[i];
      squares += gradient[i] ** 2;
    }
  }
  return Math.abs((above - below) / (2 * STEP) - slope) / Math.sqrt(squares);
}

describe.each(await families())('$name', (family) => {
  it('has the gradients of its loss', async () => {
    const { model, evaluation } = await familyJob(family);
    expect(await worst(model, evaluation)).toBeLessThan(1e-5);
  });

  it.runIf(family.sliced)('has them when it is sliced', async () => {
    const job = await familyJob(family);
    const { model } = await compress(backend, job, { ...EXACT_SEQUENTIAL, round: 1, sparsity: 0.25 });
    expect(await worst(model, job.evaluation)).toBeLessThan(1e-5);
  });
});
