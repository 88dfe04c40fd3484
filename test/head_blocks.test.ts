/** Heads that are loaded in more than one block of the vocabulary, as those of all large models are: weights, biases, columns. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { openModel } from '../src/models/open_model.ts';
import { evaluate, firstWindowLogits } from '../src/runtime/perplexity.ts';
import { family, familyFiles } from './fixtures/families/family_model.ts';
import { oneWindow, worstLogit } from './support/golden.ts';

const whole = createCpuBackend();
afterAll(() => whole.dispose());

/** A table of 264 rows does not fit: blocks of some tens of rows, the last one shorter. */
const small: Backend = Object.create(whole, {
  info: { value: { ...whole.info, maxTensorBytes: 4 * 24 * 80 } },
});

describe.each(['phi', 'gptj', 'granite', 'gemma2', 'gpt2'])('the head of %s, in blocks', (name) => {
  it('gives the logits and the loss of transformers', async () => {
    const golden = await family(name);
    const { model } = await openModel(await familyFiles(golden));
    const loads: number[] = [];
    const { weight } = model.lm_head;
    const watched: typeof weight = {
      ...weight,
      read: (rows) => {
        if (rows) loads.push(rows.end - rows.start);
        return weight.read(rows);
      },
    };
    const split = { ...model, lm_head: { ...model.lm_head, weight: watched } };
    const [{ input_ids, rows, logits, loss }] = golden.runs;
    const window = oneWindow(input_ids);
    const { windows } = await evaluate(small, split, window);
    expect(Math.abs(windows[0].loss / loss - 1)).toBeLessThan(1e-6);
    expect(loads.length).toBeGreaterThan(2);
    expect(worstLogit(await firstWindowLogits(small, split, window), rows, logits)).toBeLessThan(1e-5);
  });
});
