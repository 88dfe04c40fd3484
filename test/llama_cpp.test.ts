/** What GGUF files compute in a real llama.cpp, by the figures of `tools/interop/llama_cpp.test.ts`: other eyes than ours. */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { graphOf } from '../src/export/gguf/graphs.ts';
import { ggufNotes, ggufRefusal } from '../src/export/gguf/write_gguf.ts';
import { openModel } from '../src/models/open_model.ts';
import { firstWindowLogits } from '../src/runtime/perplexity.ts';
import { families, familyFiles } from './fixtures/families/family_model.ts';
import {
  caseFiles,
  caseGguf,
  caseIds,
  LLAMA_CPP_CASES,
  llamaCppFigures,
  modelDigest,
} from './fixtures/llama_cpp/cases.ts';
import { meanLoss } from './fixtures/llama_cpp/logits.ts';
import { oneWindow } from './support/golden.ts';

const { cases } = await llamaCppFigures();
const backend = createCpuBackend();
afterAll(() => backend.dispose());

/** Of the largest logit. ggml looks GELU up in a table of f16, for which the second bound is. */
const SAME = 2e-5;
const SAME_GELU = 1e-3;

describe.each(LLAMA_CPP_CASES.map((each) => [each.name, each] as const))('%s', (name, each) => {
  it('is computed by llama.cpp as it is here, or the export says what is not', async () => {
    const figure = cases[name];
    const open = await openModel(await caseFiles(each));
    const { model, raw_config } = open;
    const again = 'The file has changed: run tools/interop/llama_cpp.test.ts again';
    expect(await modelDigest(await caseGguf(open)), again).toBe(figure.digest);
    const ids = caseIds(each);
    const logits = await firstWindowLogits(backend, model, oneWindow(ids));
    expect(Math.abs(meanLoss(logits, ids) - figure.whittle_loss)).toBeLessThan(1e-6);
    const has_gelu = model.layers.some(({ mlp }) => mlp.activation.startsWith('gelu'));
    const notes = ggufNotes(model, raw_config);
    if (!each.differs) {
      expect(figure.relative_logit_difference).toBeLessThan(has_gelu ? SAME_GELU : SAME);
      expect(ggufRefusal(model, raw_config, undefined, each.length)).toBeUndefined();
      return;
    }
    expect(figure.relative_logit_difference).toBeGreaterThan(0.1);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/ignores the sliding window of 7 tokens|at most 256 tokens of context/);
    const [{ attention }] = model.layers;
    const refused = ggufRefusal(model, raw_config, undefined, each.length);
    if (attention.sliding_window !== undefined) expect(refused).toMatch(/windows of 40.*at most 7 tokens/);
  });
});

it('every architecture of the table was run, each in both forms where it has windows', async () => {
  const run = new Set(LLAMA_CPP_CASES.map(({ family }) => family));
  for (const family of await families()) {
    const { model } = await openModel(await familyFiles(family));
    const graph = graphOf(model);
    if (!graph) continue;
    const same = (await families()).filter(({ config }) => config.model_type === family.config.model_type);
    expect(
      same.some(({ name }) => run.has(name)),
      family.name,
    ).toBe(true);
    if (!graph.windows || family.config.model_type === 'llama') continue;
    const windowed = LLAMA_CPP_CASES.filter((each) => same.some(({ name }) => name === each.family));
    expect(
      windowed.some(({ length }) => length > 7),
      family.name,
    ).toBe(true);
  }
});

it('a file whose window llama.cpp ignores names no longer a context than the window', async () => {
  const open = await openModel(
    await caseFiles(LLAMA_CPP_CASES.find(({ name }) => name.startsWith('mistral, beyond'))!),
  );
  const again = await openModel([{ path: 'model.gguf', blob: new Blob([await caseGguf(open)]) }]);
  expect(open.config.max_position_embeddings).toBe(64);
  expect(again.config.max_position_embeddings).toBe(7);
  expect(ggufNotes(again.model, again.raw_config)).toEqual([]);
});
