/** A Llama as other tools quantise it in ONNX, against the logits that ONNX Runtime computes (tools/onnx_quantised.py). */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { openModel } from '../../src/models/open_model.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { jsonBlob } from '../fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';
import { oneWindow } from '../support/golden.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

const FOLDER = new URL('../fixtures/onnx_quantised/', import.meta.url);
const unzipped = async (name: string) => gunzipSync(await readFile(new URL(`${name}.gz`, FOLDER)));
const facts: { input_ids: number[]; rounded: string[]; logits: Record<string, number[]> } = JSON.parse(
  String(await unzipped('logits.json')),
);

/** Of tools/onnx_exports.py. */
const CONFIG = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 8, intermediate_size: 12 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, num_hidden_layers: 1, vocab_size: 24 },
  ...{ max_position_embeddings: 32, bos_token_id: 1, eos_token_id: 2, attention_bias: true, rms_norm_eps: 1e-6 },
};

const opened = async (name: string) =>
  openModel([
    { path: 'm/config.json', blob: jsonBlob(CONFIG) },
    { path: 'm/tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
    { path: 'm/onnx/model_q4.onnx', blob: new Blob([await unzipped(`${name}.onnx`)]) },
  ]);

describe('quantised ONNX of other tools', () => {
  it.each(Object.entries(facts.logits))('%s has the logits of ONNX Runtime', async (name, expected) => {
    const { model, warnings } = await opened(name);
    const notes = warnings.filter((warning) => !warning.startsWith('The tokenizer has ids'));
    if (facts.rounded.includes(name)) {
      for (const note of notes) expect(note).toMatch(/rounds activations at \d+ places/);
      expect(notes.length).toBeGreaterThan(0);
    } else expect(notes).toEqual([]);
    const found = await firstWindowLogits(backend, model, oneWindow(facts.input_ids));
    expect(found.length).toBe(expected.length);
    for (const [i, value] of expected.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(2e-6);
    const { weight } = model.layers[0].mlp.down_proj;
    // Floats that the graph rounds as they come are what the file holds.
    expect(weight.stored?.dtype, name).toMatch(name === 'static_pairs' ? /^F32$/ : /^int[48]|^[NF][FP]4$/);
  });
});
