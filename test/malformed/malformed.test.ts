/**
 * Files that nobody could open, generated from a seed: each is refused with its code, its file, its field where there is one,
 * what was found, what is allowed and what to do; none takes long or much memory.
 */
import { describe, expect, it } from 'vitest';
import { openModel } from '../../src/models/open_model.ts';
import { configFiles } from './config_files.ts';
import { ggufFiles } from './gguf_files.ts';
import { onnxFiles } from './onnx_files.ts';
import { packedFiles } from './packed_files.ts';
import { expectCheap, expectWhole, outcomeOf } from './refusal.ts';
import { safetensorsFiles } from './safetensors_files.ts';
import { tokenizerFiles } from './tokenizer_files.ts';

const SEED = 10;
const CASES = [
  ...safetensorsFiles(SEED),
  ...configFiles(SEED),
  ...tokenizerFiles(),
  ...ggufFiles(SEED),
  ...onnxFiles(SEED),
  ...packedFiles(),
];

describe('malformed files', () => {
  it('are more than two hundred, each of another kind', () => {
    expect(CASES.length).toBeGreaterThan(200);
    expect(new Set(CASES.map(({ what }) => what)).size).toBe(CASES.length);
  });

  it.each(CASES)('$what', async ({ files, code, file, where, found }) => {
    const dropped = await files();
    const outcome = await outcomeOf(() => openModel(dropped));
    const { code: given, message, place } = expectWhole(outcome.error);
    expect([code].flat(), message).toContain(given);
    expect(place.file, message).toBe(file);
    if (where !== undefined) expect(`${place.tensor} ${place.field}`, message).toContain(where);
    if (found !== undefined) expect(message).toContain(found);
    expectCheap(outcome);
  });
});
