/** Real models, from their files through the ONNX export to onnxruntime-web, against the independent references. */

import * as ort from 'onnxruntime-web/wasm';
import { expect, it } from 'vitest';
import { verifySession } from '../../src/engine/verify/session.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import { openModel } from '../../src/models/open_model.ts';
import { summarize } from '../../src/runtime/perplexity.ts';
import { cutWindows } from '../../src/runtime/windows.ts';
import { describeWithShared, readSharedJson, readSharedText, sharedModelFiles } from '../shared.ts';
import { memoryFiles } from './memory_files.ts';

// Counting processors needs a `require` that ES modules in Node do not have.
ort.env.wasm.numThreads = 1;

interface Reference {
  protocol: { seqlen: number; eval_samples: number; evaluation: string };
  dense: { perplexity: number };
}

describeWithShared('exported real models', () => {
  for (const name of ['stories260k', 'demo']) {
    it(`${name}: onnxruntime-web gives the dense reference perplexity`, async () => {
      const { protocol, dense } = readSharedJson('reference', `${name}.json`) as Reference;
      const { model, tokenizer } = await openModel(await sharedModelFiles(name));
      const text = readSharedText(...protocol.evaluation.split('/'));
      const windows = cutWindows(tokenizer.encode(text), protocol.seqlen, protocol.eval_samples, protocol.evaluation);
      const files = memoryFiles();
      await writeOnnx(model, { external_data: 'auto' }, files.openFile);
      const onnx = [{ name: 'model.onnx', file: new Blob([files.bytes('model.onnx')]) }];
      const { window_losses } = await verifySession(ort, onnx, windows);
      const { perplexity } = summarize(window_losses);
      expect(Math.abs(perplexity / dense.perplexity - 1)).toBeLessThan(1e-4);
    });
  }
});
