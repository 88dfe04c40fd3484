/**
 * Heads that are loaded in more than one block of the vocabulary, as those of all large models are: weights, biases, columns; and the
 * gradients of losses on them, with logits kept between the passes and made anew.
 */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { normalisedError } from '../src/backend/testing.ts';
import type { DivergenceKind } from '../src/backend/training_kernels.ts';
import { openModel } from '../src/models/open_model.ts';
import { withArena } from '../src/runtime/arena.ts';
import type { KeptBudgets } from '../src/runtime/backward/context.ts';
import { modelGradients } from '../src/runtime/backward/model.ts';
import { teacherInputs } from '../src/runtime/backward/teacher.ts';
import { NO_ADAPTERS, TrainedLoader } from '../src/runtime/backward/trained_loader.ts';
import { evaluate, firstWindowLogits } from '../src/runtime/perplexity.ts';
import { family, familyFiles } from './fixtures/families/family_model.ts';
import { oneWindow, worstLogit } from './support/golden.ts';
import { contextOf } from './support/gradient_job.ts';

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

const BUDGETS: Readonly<Record<string, KeptBudgets | undefined>> = {
  kept: undefined,
  'made anew': { layerBytes: 0, logitsBytes: 0 },
};

describe.each(['gptj', 'gemma2'])('gradients at the head of %s, in blocks', (name) => {
  it.each([undefined, 'forward_kl', 'jsd'] as (DivergenceKind | undefined)[])('of %s', async (kind) => {
    const golden = await family(name);
    const { model } = await openModel(await familyFiles(golden));
    const window = oneWindow(golden.runs[0].input_ids);
    const batch = { first: 0, count: 1 };
    const found = (backend: Backend, budgets?: KeptBudgets) =>
      withArena(backend, async (arena) => {
        const { norm, embed_tokens } = model;
        const wanted = new Set([norm.weight, embed_tokens.weight]);
        const context = { ...contextOf(arena, window.seqlen, (ref) => wanted.has(ref)), budgets };
        const inputs = await teacherInputs(arena, model, window, [batch]);
        // A teacher that is less sure.
        for (const input of inputs) backend.scale({ hidden_states: input, factor: 0.5 });
        const teacher = kind && { kind, beta: 0.3, head: model.lm_head, inputs };
        const loader = new TrainedLoader(arena, NO_ADAPTERS);
        const loss = await modelGradients(context, loader, model, window, [batch], { ...(teacher && { teacher }) });
        return [loss, ...(await context.gradients.read(embed_tokens.weight))];
      });
    const exact = await found(whole);
    for (const [how, budgets] of Object.entries(BUDGETS)) {
      const error = normalisedError(await found(small, budgets), exact);
      expect(error, how).toBeLessThan(1e-20);
    }
  });
});
