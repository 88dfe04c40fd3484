/**
 * What a recipe makes, written in each format that Whittle writes, opens in Whittle again and computes the same numbers: every packing
 * beside every format. WHITTLE_FULL=1 takes the whole table.
 */
import { describe, expect, it } from 'vitest';
import { isFull } from '../src/backend/testing.ts';
import { parseRecipe } from '../src/compress/recipe/recipe.ts';
import type { ExportFormat } from '../src/engine/export/options.ts';
import type { ModelSource } from '../src/engine/protocol.ts';
import { memoryPlatform } from './support/memory_platform.ts';
import { source, started } from './support/test_engine.ts';

type Rows = readonly (readonly [recipe: string, formats: readonly ExportFormat[]])[];

const EVERY: readonly ExportFormat[] = ['onnx', 'transformers.js', 'safetensors', 'compressed-tensors', 'gptq', 'gguf'];
const without = (...formats: ExportFormat[]) => EVERY.filter((format) => !formats.includes(format));
const FLOATS = without('compressed-tensors', 'gptq');

/** The few that every run has: [recipe, formats]. */
const SOME: Rows = [
  ['embed; gptq:bits=2,group=32,order=dynamic', ['gptq']],
  ['rtn:bits=3,group=32', ['compressed-tensors', 'gguf']],
  ['w8a8; embed', ['onnx']],
  ['rptq:clusters=3,activation_bits=4', ['transformers.js']],
];

/** Each recipe in all formats that can hold it. */
const ALL: Rows = [
  ['rtn:bits=4,group=32', EVERY],
  // GPTQ's scales are float16, and a row of 8 bits has float32 ones.
  ['embed:bits=4,group=32; rtn:bits=8,group=row', without('gptq')],
  ['rtn:bits=3,group=32', EVERY],
  ['embed; gptq:bits=2,group=32,order=dynamic', without('compressed-tensors')],
  ['gptq:bits=4,group=32,order=static', EVERY],
  ['rtn:bits=4,group=32,grid=minimum', FLOATS],
  ['awq:bits=4,group=32', EVERY],
  ['owq:bits=3,group=32,keep=0.05', FLOATS],
  ['lorc:bits=4,group=32,rank=4', FLOATS],
  ['svd:keep=0.5', FLOATS],
  ['tensor_train:ratio=1.2', FLOATS],
  ['wanda:pattern=2:4', FLOATS],
  ['sparsegpt:sparsity=0.5', FLOATS],
  ['w8a8', FLOATS],
  ['w8a8:smooth=0.5; embed', FLOATS],
  ['llm_int8:threshold=1', FLOATS],
  ['zeroquant:bits=8,group=32', FLOATS],
  ['zeroquant:bits=4,group=32,activation_bits=4', FLOATS],
  ['rptq:clusters=3,activation_bits=4', FLOATS],
  ['gguf:type=q4_0', FLOATS],
  ['slicegpt:sparsity=0.25,round=2; rtn:bits=4,group=16', ['onnx', 'transformers.js', 'safetensors']],
  ['width:keep=0.7,units=channels; rtn:bits=8,group=row', FLOATS],
  ['depth:drop=1; w8a8', FLOATS],
];

const again = (files: Map<string, Uint8Array>): ModelSource => ({
  kind: 'files',
  files: [...files].map(([name, bytes]) => ({ path: `again/${name}`, file: new File([bytes.slice()], name) })),
});

/** Of the size that training leaves: the numbers of the fixture saturate every softmax. */
const model = () =>
  source({
    ...{ hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, vocab_size: 288 },
    edit: (tensors) =>
      tensors.map((tensor) =>
        tensor.shape.length === 2 ? { ...tensor, values: tensor.values.map((x) => 0.1 * x) } : tensor,
      ),
  });

describe('what is written opens again with its numbers', () => {
  it.each(isFull ? ALL : SOME)('%s', async (recipe, formats) => {
    const platform = memoryPlatform();
    const engine = await started(platform, model());
    const run = await engine.run('compress', { steps: parseRecipe(recipe).steps });
    for (const format of formats) {
      const report = await engine.run('export', { id: run.id, options: { format } });
      const reader = await started(memoryPlatform(), Promise.resolve(again(platform.exports.get(report.folder)!)));
      const { perplexity } = await reader.run('evaluate', { target: 'dense' });
      // Measured of the file when it was verified, in the same way.
      const isGraph = format === 'onnx' || format === 'transformers.js';
      if (!isGraph) expect(perplexity, format).toBe(report.perplexity);
      // What a format has no place for is floats, and those are float16; graphs are exact but for llama.cpp's blocks.
      if (isGraph && !recipe.startsWith('gguf')) expect(perplexity, format).toBe(report.perplexity_in_app);
      else expect(Math.abs(perplexity / report.perplexity_in_app - 1), format).toBeLessThan(2e-4);
    }
  });
});
