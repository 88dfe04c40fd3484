/** The solver's recipe, made and exported: the file's weights take no more than the target, and as many bytes as were told. */
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { failure, source, started } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import { readGgufHeader } from '../../formats/gguf/header.ts';
import { readOnnxModel } from '../../formats/onnx/read_model.ts';
import { blobSource } from '../../formats/source.ts';
import type { EngineEvent } from '../protocol.ts';

/** Phi-3, whose q, k and v are one matrix, as are gate and up, in a width that blocks fit. */
async function fusedModel() {
  const { config, tensors, ...phi3 } = await family('phi3');
  const wider = new Map([
    [24, 32],
    [37, 64],
    [48, 64],
    [74, 128],
  ]);
  const files = await familyFiles({
    ...phi3,
    config: { ...config, hidden_size: 32, intermediate_size: 64, sliding_window: null },
    tensors: tensors.map((tensor) => ({ ...tensor, shape: tensor.shape.map((size) => wider.get(size) ?? size) })),
  });
  return { kind: 'files' as const, files: files.map(({ path, blob }) => ({ path, file: new File([blob], path) })) };
}

const model = () =>
  source({ hidden_size: 64, intermediate_size: 160, vocab_size: 300, num_hidden_layers: 1, dtype: 'F16' });

describe('solve', () => {
  it('finds recipes whose ONNX file has the size that was told', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform, model());
    const events: EngineEvent[] = [];
    const target = { bytes: 35_000 };
    const report = await engine.run('solve', { target, format: 'onnx' }, (event) => events.push(event));
    expect(report.candidates.length).toBeGreaterThan(1);
    const measured = report.candidates.map((candidate) => candidate.measured);
    // Within what is chance on so few windows.
    for (const [i, each] of measured.slice(1).entries()) expect(each).toBeGreaterThan(0.96 * measured[i]);
    const fractions = events.flatMap((event) => (event.type === 'progress' ? [event.fraction] : []));
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    const [best] = report.candidates;
    expect(best.bytes).toBeLessThanOrEqual(target.bytes);
    expect(best.bytes).toBeGreaterThan(0.8 * target.bytes);
    const run = await engine.run('compress', { steps: parseRecipe(best.recipe).steps });
    const { folder } = await engine.run('export', { id: run.id, options: { format: 'onnx' } });
    const file = platform.exports.get(folder)?.get('model.onnx') as Uint8Array;
    const { graph } = await readOnnxModel(blobSource('model.onnx', new Blob([file.slice()])));
    const weights = [...graph.initializers].filter(([name]) => /^(model|lm_head)\.(?!rotary)/.test(name));
    const bytes = weights.reduce((sum, [, stored]) => sum + stored.bytes, 0);
    expect(bytes, weights.map(([name, stored]) => `${name} ${stored.bytes}`).join('\n')).toBe(best.bytes);
  });

  it('finds recipes whose GGUF file has the size that was told, parts of one matrix in one type', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform, fusedModel());
    const target = { share: 0.25 };
    const { candidates, target_bytes } = await engine.run('solve', { target, format: 'gguf' });
    const [best] = candidates;
    expect(best.recipe).toContain('gguf:type=');
    expect(best.bytes).toBeLessThanOrEqual(target_bytes);
    expect(best.bytes).toBeGreaterThan(0.75 * target_bytes);
    const run = await engine.run('compress', { steps: parseRecipe(best.recipe).steps });
    await engine.run('evaluate', { target: run.id });
    const { folder } = await engine.run('export', { id: run.id, options: { format: 'gguf' } });
    const file = platform.exports.get(folder)?.get('model.gguf') as Uint8Array<ArrayBuffer>;
    const { tensors } = await readGgufHeader(blobSource('model.gguf', new Blob([file.slice()])));
    const weights = tensors.filter(({ name }) => !name.startsWith('rope_'));
    expect(weights.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(best.bytes);
    expect(new Set(weights.map(({ type }) => type)).size).toBeGreaterThan(2);
  });

  it('is refused where no block fits any matrix', async () => {
    const narrow = source({ hidden_size: 24, intermediate_size: 40, vocab_size: 300, num_hidden_layers: 1 });
    const engine = await started(memoryPlatform(), narrow);
    const error = await failure(engine.run('solve', { target: { share: 1 }, format: 'gguf' }));
    expect(error).toMatchObject({ code: 'bad_option', message: expect.stringContaining('fits') });
  });

  it('says the smallest size where the target is smaller, before anything is computed', async () => {
    const engine = await started(memoryPlatform(), model());
    const error = await failure(engine.run('solve', { target: { bytes: 1000 }, format: 'onnx' }));
    expect(error).toMatchObject({ code: 'bad_option', allowed: expect.stringMatching(/^\d+ bytes or more$/) });
    const smallest = Number.parseInt(error.allowed as string, 10);
    const { candidates } = await engine.run('solve', { target: { bytes: smallest }, format: 'onnx' });
    expect(candidates[0].bytes).toBe(smallest);
  });

  it('refuses formats that hold floats only', async () => {
    const engine = await started(memoryPlatform(), model());
    expect(
      await failure(engine.run('solve', { target: { bits_per_weight: 4.5 }, format: 'safetensors' })),
    ).toMatchObject({
      code: 'bad_option',
      allowed: 'onnx, transformers.js, gguf',
    });
  });

  it('tells a time before, without a search, and heeds a cancel', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform, model());
    for (const format of ['onnx', 'gguf'] as const) {
      const seconds = await engine.run('solve_time', { format });
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThan(600);
    }
    const controller = new AbortController();
    const trial = engine.run('solve_time', { format: 'onnx' }, undefined, controller.signal);
    controller.abort();
    await expect(trial).rejects.toThrow();
  });
});
