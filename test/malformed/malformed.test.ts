/**
 * Files that nobody could open, generated from a seed: each is refused with its code, its file, its field where there is one,
 * what was found, what is allowed and what to do; none takes long or much memory.
 */
import { describe, expect, it } from 'vitest';
import { WhittleError } from '../../src/errors/errors.ts';
import { openModel } from '../../src/models/open_model.ts';
import { configFiles } from './config_files.ts';
import { ggufFiles } from './gguf_files.ts';
import type { Malformed } from './malformed.ts';
import { onnxFiles } from './onnx_files.ts';
import { packedFiles } from './packed_files.ts';
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

const MOST_MS = 5000;
const MOST_BYTES = 200e6;

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

async function refusal(files: Malformed['files']) {
  const dropped = await files();
  const started = performance.now();
  const before = memory();
  const error = await openModel(dropped).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, ms: performance.now() - started, bytes: memory() - before };
}

describe('malformed files', () => {
  it('are more than two hundred, each of another kind', () => {
    expect(CASES.length).toBeGreaterThan(200);
    expect(new Set(CASES.map(({ what }) => what)).size).toBe(CASES.length);
  });

  it.each(CASES)('$what', async ({ files, code, file, where, found }) => {
    const { error, ms, bytes } = await refusal(files);
    expect(error, 'nothing was thrown').toBeInstanceOf(WhittleError);
    const { code: given, message, place, allowed, action } = error as WhittleError;
    expect([code].flat(), message).toContain(given);
    expect((error as WhittleError).isBadInput).toBe(true);
    expect(place.file, message).toBe(file);
    if (where !== undefined) expect(`${place.tensor} ${place.field}`, message).toContain(where);
    if (found !== undefined) expect(message).toContain(found);
    expect(message.length).toBeGreaterThan(10);
    expect(allowed, `${message} — what is allowed`).toBeTruthy();
    expect(action, `${message} — what to do`).toBeTruthy();
    expect(ms).toBeLessThan(MOST_MS);
    expect(bytes).toBeLessThan(MOST_BYTES);
  });
});
