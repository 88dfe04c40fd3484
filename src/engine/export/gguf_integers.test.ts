/** Recipes of grouped integers as GGUF: blocks with the run's own numbers, as large as the plan said, and what has no block is told before. */
import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { source, started } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import { readGgufHeader } from '../../formats/gguf/header.ts';
import { blobSource } from '../../formats/source.ts';

const model = () =>
  source({ hidden_size: 64, intermediate_size: 160, vocab_size: 300, num_hidden_layers: 1, dtype: 'F16' });

async function written(recipe: string) {
  const platform = memoryPlatform();
  const engine = await started(platform, model());
  const { steps } = parseRecipe(recipe);
  const { files } = await engine.run('plan', { steps, formats: ['gguf', 'onnx'] });
  const run = await engine.run('compress', { steps });
  const { perplexity } = await engine.run('evaluate', { target: run.id });
  const report = await engine.run('export', { id: run.id, options: { format: 'gguf' } });
  const file = platform.exports.get(report.folder)?.get('model.gguf') as Uint8Array<ArrayBuffer>;
  const { tensors } = await readGgufHeader(blobSource('model.gguf', new Blob([file.slice()])));
  const weights = tensors.filter(({ name }) => !name.startsWith('rope_'));
  const bytes = weights.reduce((sum, each) => sum + each.bytes, 0);
  const typeOf = (name: string) => weights.find((each) => each.name === name)?.type;
  return { planned: files[0], report, perplexity, bytes, typeOf };
}

describe('grouped integers in GGUF', () => {
  it.each([
    ['rtn:bits=4,group=32', 'Q5_0', true],
    ['rtn:bits=4,group=32,grid=minimum', 'Q4_1', true],
    ['rtn:bits=3,group=64', 'Q4_0', true],
    ['gptq:bits=4,group=32,grid=minimum', 'Q4_1', true],
    ['embed:bits=8; awq:bits=4,group=32,grid=minimum', 'Q4_1', false],
  ])('%s is %s, as the plan says', async (recipe, type, isExact) => {
    const { planned, report, perplexity, bytes, typeOf } = await written(recipe);
    expect(typeOf('blk.0.ffn_up.weight')).toBe(type);
    expect(typeOf('token_embd.weight')).toBe(recipe.startsWith('embed') ? 'Q8_0' : 'F16');
    expect(bytes).toBe(planned.weight_bytes);
    expect(report.verified).toBe(true);
    // Blocks hold the run's numbers; float32 scales are rounded, and the file's perplexity is its own.
    if (isExact) expect(report.perplexity_in_app).toBe(perplexity);
    else expect(report.perplexity_in_app).not.toBe(perplexity);
    expect(Math.abs(report.perplexity / report.perplexity_in_app - 1)).toBeLessThan(1e-6);
    for (const note of planned.notes) expect(report.notes).toContain(note);
    expect(planned.notes.some((note) => note.includes('written as floats'))).toBe(false);
  });

  it.each([
    ['rtn:bits=8,group=32', '8 bits with zero points'],
    ['rtn:bits=4,group=16', 'groups of 16'],
    ['magnitude:sparsity=0.5', 'pruned weights'],
  ])('%s is floats, and the plan says so', async (recipe, why) => {
    const { planned, report, bytes, typeOf } = await written(recipe);
    expect(planned.notes).toEqual([expect.stringContaining(why)]);
    expect(report.notes).toEqual(expect.arrayContaining(planned.notes));
    expect(typeOf('blk.0.ffn_up.weight')).toBe('F16');
    expect(bytes).toBe(planned.weight_bytes);
    expect(report.verified).toBe(true);
  });
});
