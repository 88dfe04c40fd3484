/** Every family against transformers in float64: logits and loss of seeded models, on both CPU backends and on WebGPU. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { backendsUnderTest } from '../src/backend/testing.ts';
import { type OpenModel, openModel } from '../src/models/open_model.ts';
import { evaluate, firstWindowLogits } from '../src/runtime/perplexity.ts';
import { families, familyFiles } from './fixtures/families/family_model.ts';
import { oneWindow, worstLogit } from './support/golden.ts';

/** Of the largest logit. The reference reads f32 weights in f64, and the golden numbers have 7 digits. */
const LOGIT_BOUND = { cpu: 1e-6, wasm: 2e-5, webgpu: 2e-5 };
const LOSS_BOUND = { cpu: 1e-7, wasm: 1e-5, webgpu: 1e-5 };

const FAMILIES = await families();

describe.each(await backendsUnderTest())('on $kind', ({ kind, create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  describe.each(FAMILIES)('$name', (family) => {
    let open: OpenModel;
    beforeAll(async () => {
      open = await openModel(await familyFiles(family));
    });

    it('opens without a warning', () => {
      // The tokenizer has one token for each id of the model.
      expect(open.warnings).toEqual([]);
    });

    it.each(family.runs)('gives the logits and the loss of transformers', async ({ input_ids, rows, logits, loss }) => {
      const window = oneWindow(input_ids);
      const found = await firstWindowLogits(backend, open.model, window);
      expect(worstLogit(found, rows, logits)).toBeLessThan(LOGIT_BOUND[kind]);
      const { windows } = await evaluate(backend, open.model, window);
      expect(Math.abs(windows[0].loss / loss - 1)).toBeLessThan(LOSS_BOUND[kind]);
    });
  });
});
