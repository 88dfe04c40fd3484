/**
 * @file The Worker that runs onnxruntime-web. Apart from the engine's own: its 14 MB of wasm load only for an export, and
 * ending the Worker frees all of its memory. The runtime's files come from this site (invariant 7).
 */

import loaderUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import * as ort from 'onnxruntime-web/wasm';
import { toErrorData } from '../errors/errors.ts';
import { watchOutsideRequests } from '../platform/requests.ts';
import type { FromVerifier, ToVerifier } from './verify.ts';
import { verifySession } from './verify_session.ts';

declare const self: DedicatedWorkerGlobalScope;

// The loader file is named too: threads then start from it, not from this bundle.
ort.env.wasm.wasmPaths = { mjs: loaderUrl, wasm: wasmUrl };
// One thread: with more, a run stopped for ever now and then beside the threads of the CPU backend (Chromium 156, two cores).
ort.env.wasm.numThreads = 1;

function post(message: FromVerifier, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

watchOutsideRequests((urls) => post({ type: 'outside_requests', urls }));

self.onmessage = async ({ data }: MessageEvent<ToVerifier>) => {
  try {
    const result = await verifySession(ort, data.files, data.windows, {
      onWindow: (index, loss) => post({ type: 'window', index, loss }),
    });
    post({ type: 'result', result }, [result.first_logits.buffer]);
  } catch (thrown) {
    post({ type: 'error', error: toErrorData(thrown) });
  }
};
