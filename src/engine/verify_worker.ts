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
import { loadRuntime, verifySession } from './verify_session.ts';

declare const self: DedicatedWorkerGlobalScope;

// The loader file is named too: threads then start from it, not from this bundle.
ort.env.wasm.wasmPaths = { mjs: loaderUrl, wasm: wasmUrl };

function post(message: FromVerifier, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

watchOutsideRequests((urls) => post({ type: 'outside_requests', urls }));

let loading = Promise.resolve();

async function load(threads: number): Promise<void> {
  ort.env.wasm.numThreads = threads;
  await loadRuntime(ort);
  post({ type: 'loaded' });
}

async function run({ files, windows }: Extract<ToVerifier, { type: 'run' }>): Promise<void> {
  const result = await verifySession(ort, files, windows, {
    onOpened: () => post({ type: 'opened' }),
    onWindow: (index, loss) => post({ type: 'window', index, loss }),
  });
  post({ type: 'result', result }, [result.first_logits.buffer]);
}

self.onmessage = async ({ data }: MessageEvent<ToVerifier>) => {
  try {
    if (data.type === 'load') loading = load(data.threads);
    await loading;
    if (data.type === 'run') await run(data);
  } catch (thrown) {
    post({ type: 'error', error: toErrorData(thrown) });
  }
};
