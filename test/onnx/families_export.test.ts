/** Families whose parts the canonical variants do not have, as ONNX in onnxruntime-web: the app's logits, plain and with a cache. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { verifySession } from '../../src/engine/verify/session.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { openModel } from '../../src/models/open_model.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { family, familyFiles } from '../fixtures/families/family_model.ts';
import { oneWindow, worstLogit } from '../support/golden.ts';
import { memoryFiles } from './memory_files.ts';

ort.env.wasm.numThreads = 1;

const NAMES = [
  ...['cwm', 'exaone', 'internlm3', 'iquestcoder', 'ministral', 'ministral3', 'seed_oss', 'ernie4_5', 'helium'],
  ...['olmo', 'cohere', 'arcee', 'nemotron', 'glm', 'starcoder2', 'apertus', 'cohere_plus', 'glm4'],
];

const backend = createCpuBackend();

describe.each(NAMES)('%s', (name) => {
  it.each(['plain', 'kv_cache'] as const)(
    'as ONNX gives the logits of the app and of transformers: %s',
    async (layout) => {
      const golden = await family(name);
      const { model } = await openModel(await familyFiles(golden));
      const stored = memoryFiles();
      await writeOnnx(model, { external_data: 'auto', metadata: {}, layout }, stored.openFile);
      const files = stored.names().map((file) => ({ name: file, file: new Blob([stored.bytes(file)]) }));
      const [{ input_ids, rows, logits }] = golden.runs;
      const window = oneWindow(input_ids);
      const { first_logits } = await verifySession(ort, files, window);
      expect(worstLogit(first_logits, rows, logits)).toBeLessThan(1e-5);
      const own = await firstWindowLogits(backend, model, window);
      expect(Math.max(...own.map((value, i) => Math.abs(value - first_logits[i])))).toBeLessThan(2e-5);
    },
  );
});
