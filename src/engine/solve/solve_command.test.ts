/** The solver's recipe, made and exported: the file's weights take no more than the target, and as many bytes as were told. */
import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { failure, source, started } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import { readOnnxModel } from '../../formats/onnx/read_model.ts';
import { blobSource } from '../../formats/source.ts';
import type { EngineEvent } from '../protocol.ts';

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
    expect(await failure(engine.run('solve', { target: { bits_per_weight: 4.5 }, format: 'gguf' }))).toMatchObject({
      code: 'bad_option',
      allowed: 'onnx, transformers.js',
    });
  });
});
