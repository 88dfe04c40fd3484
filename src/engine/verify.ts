/** @file Verifies exported ONNX files in a Worker of their own. */
import { cancelled, type ErrorData, WhittleError } from '../errors/errors.ts';
import type { TokenWindows } from '../runtime/windows.ts';
import { type OnnxFile, type VerifyOptions, type VerifyResult, verifySession } from './verify_session.ts';

export interface VerifyJob {
  files: readonly OnnxFile[];
  windows: TokenWindows;
  /** Told of requests to other origins by the verifier's thread. */
  onOutsideRequests?(urls: string[]): void;
}

export type ToVerifier = Pick<VerifyJob, 'files' | 'windows'>;

export type FromVerifier =
  | { type: 'window'; index: number; loss: number }
  | { type: 'outside_requests'; urls: string[] }
  | { type: 'result'; result: VerifyResult }
  | { type: 'error'; error: ErrorData };

/**
 * Runs every window through onnxruntime-web. Cancelling ends the Worker at once and frees its memory. Under Node
 * it runs in place, and cancelling takes effect after the current window.
 * Throws `verification_failed` when the model cannot be opened or run, and `cancelled`.
 */
export async function verifyOnnx(job: VerifyJob, options: VerifyOptions = {}): Promise<VerifyResult> {
  if (options.signal?.aborted) throw cancelled();
  // Not `Worker`: onnxruntime-web defines one of its own in Node.
  if (typeof location === 'undefined') {
    const ort = await import('onnxruntime-web/wasm');
    // Counting processors needs a `require` that ES modules in Node do not have.
    ort.env.wasm.numThreads = 1;
    return verifySession(ort, job.files, job.windows, options);
  }
  const worker = new Worker(new URL('./verify_worker.ts', import.meta.url), { type: 'module', name: 'whittle-verify' });
  const ended = new AbortController();
  try {
    return await runInWorker(worker, job, options, ended.signal);
  } finally {
    ended.abort();
    worker.terminate();
  }
}

/** Settles with the Worker's answer, its fault, or the caller's cancellation; `ended` takes the listener away again. */
function runInWorker(
  worker: Worker,
  job: VerifyJob,
  options: VerifyOptions,
  ended: AbortSignal,
): Promise<VerifyResult> {
  return new Promise((resolve, reject) => {
    options.signal?.addEventListener('abort', () => reject(cancelled()), { signal: ended });
    worker.onmessage = ({ data }: MessageEvent<FromVerifier>) => {
      if (data.type === 'window') options.onWindow?.(data.index, data.loss);
      else if (data.type === 'outside_requests') job.onOutsideRequests?.(data.urls);
      else if (data.type === 'result') resolve(data.result);
      else reject(WhittleError.fromData(data.error));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(
        new WhittleError({
          code: 'verification_failed',
          message: `The verification Worker stopped: ${event.message || 'its script or onnxruntime-web did not load'}.`,
          action: 'Reload the page and export again. If memory is short, close other tabs.',
        }),
      );
    };
    worker.postMessage({ files: job.files, windows: job.windows } satisfies ToVerifier);
  });
}
