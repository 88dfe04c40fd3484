/** @file Verifies exported ONNX files in a Worker of their own, and starts over on one thread where its threads stop. */
import { cancelled, type ErrorData, WhittleError } from '../../errors/errors.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import type { RuntimeBuild } from './builds.ts';
import type { OnnxFile, VerifyOptions, VerifyResult } from './session.ts';
import type { TextJob, TextOptions, TextResult } from './session_text.ts';
import { Watch } from './watch.ts';

/** onnxruntime-web, for one job: it loads from the start on, while the files of an export are still being written. */
export interface Verifier {
  /** Runs every window; to be called once. Throws `verification_failed` when the model cannot be opened or run, and `cancelled`. */
  verify(files: readonly OnnxFile[], windows: TokenWindows, options?: VerifyOptions): Promise<VerifyResult>;
  /** Writes a text with the model in these files; in place of `verify`, and also once. Throws the same, and `limit_exceeded`. */
  generate(files: readonly OnnxFile[], job: TextJob, options?: TextOptions): Promise<TextResult>;
  /** Ends it at once and frees its memory. */
  close(): void;
}

export type ToVerifier =
  | { type: 'load'; build: RuntimeBuild; threads: number }
  | { type: 'run'; files: readonly OnnxFile[]; windows: TokenWindows }
  | { type: 'write'; files: readonly OnnxFile[]; job: TextJob };

/** What says that it goes on. */
type News =
  | { type: 'loaded' }
  | { type: 'opened' }
  | { type: 'part'; done: number; total: number }
  | { type: 'window'; index: number; loss: number }
  | { type: 'token'; token: number; ms: number };

export type FromVerifier =
  | News
  | { type: 'outside_requests'; urls: string[] }
  | { type: 'result'; result: VerifyResult | TextResult }
  | { type: 'error'; error: ErrorData };

/** Beyond this a window is bound by memory. */
const MOST_THREADS = 4;

/**
 * Threads share memory, which a browser allows only to cross-origin isolated pages. Those of a runtime spin while they wait for one
 * another, so that more of them than cores cost more than they do.
 * @param runtimes That run at once.
 */
export function verifierThreads(runtimes = 1): number {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.max(1, Math.min(MOST_THREADS, Math.floor(navigator.hardwareConcurrency / runtimes)));
}

function createWorker(): Worker {
  return new Worker(new URL('./verify_worker.ts', import.meta.url), { type: 'module', name: 'whittle-verify' });
}

export class WorkerVerifier implements Verifier {
  private attempt: Attempt;

  /** @param onOutsideRequests Told of requests to other origins by the verifier's thread. */
  constructor(
    private readonly build: RuntimeBuild,
    private readonly onOutsideRequests: (urls: string[]) => void,
    private readonly threads = verifierThreads(),
    private readonly create = createWorker,
  ) {
    this.attempt = new Attempt(create(), build, threads, onOutsideRequests);
  }

  async verify(files: readonly OnnxFile[], windows: TokenWindows, options: VerifyOptions = {}): Promise<VerifyResult> {
    if (this.threads === 1) return this.attempt.run(files, windows, options);
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    const watch = new Watch(bytes, windows.seqlen, this.attempt.isLoaded);
    try {
      return await Promise.race([this.attempt.run(files, windows, options, watch), watch.stalled]);
    } catch (error) {
      if (error !== watch.stall) throw error;
    } finally {
      watch.stop();
    }
    console.warn(
      `onnxruntime-web stopped on ${this.threads} threads: nothing came from it for ${Math.round(watch.patience_s)} s. The verification starts over on one.`,
    );
    this.close();
    this.attempt = new Attempt(this.create(), this.build, 1, this.onOutsideRequests);
    return this.attempt.run(files, windows, options);
  }

  generate(files: readonly OnnxFile[], job: TextJob, { signal, onToken }: TextOptions = {}): Promise<TextResult> {
    const onNews = (message: News) => message.type === 'token' && onToken?.(message.token, message.ms);
    return this.attempt.answer({ type: 'write', files, job }, signal, onNews) as Promise<TextResult>;
  }

  close(): void {
    this.attempt.end();
  }
}

/** One Worker, from its start to its end. */
class Attempt {
  isLoaded = false;
  private onNews: (message: News) => void = () => {};
  private readonly result: Promise<VerifyResult | TextResult>;

  constructor(
    private readonly worker: Worker,
    build: RuntimeBuild,
    threads: number,
    onOutsideRequests: (urls: string[]) => void,
  ) {
    this.result = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<FromVerifier>) => {
        if (data.type === 'outside_requests') onOutsideRequests(data.urls);
        else if (data.type === 'result') resolve(data.result);
        else if (data.type === 'error') reject(WhittleError.fromData(data.error));
        else {
          this.isLoaded = true;
          this.onNews(data);
        }
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(stopped(event.message));
      };
    });
    // It may fail before anybody waits for it.
    this.result.catch(() => undefined);
    this.send({ type: 'load', build, threads });
  }

  /** Settles with the Worker's answer, its fault, or the caller's cancellation. */
  run(
    files: readonly OnnxFile[],
    windows: TokenWindows,
    { signal, onOpened, onPart, onWindow }: VerifyOptions,
    watch?: Watch,
  ): Promise<VerifyResult> {
    const onNews = (message: News) => {
      if (message.type !== 'token') watch?.follow(message.type);
      if (message.type === 'opened') onOpened?.();
      else if (message.type === 'part') onPart?.(message.done, message.total);
      else if (message.type === 'window') onWindow?.(message.index, message.loss);
    };
    return this.answer({ type: 'run', files, windows }, signal, onNews) as Promise<VerifyResult>;
  }

  /** Settles as {@link run}. */
  async answer(message: ToVerifier, signal: AbortSignal | undefined, onNews: (message: News) => void) {
    if (signal?.aborted) throw cancelled();
    this.onNews = onNews;
    this.send(message);
    const ended = new AbortController();
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(cancelled()), { signal: ended.signal });
    });
    try {
      return await Promise.race([this.result, aborted]);
    } finally {
      ended.abort();
    }
  }

  end(): void {
    this.onNews = () => {};
    this.worker.terminate();
  }

  private send(message: ToVerifier): void {
    this.worker.postMessage(message);
  }
}

function stopped(reason: string): WhittleError {
  return new WhittleError({
    code: 'verification_failed',
    message: `The verification Worker stopped: ${reason || 'its script or onnxruntime-web did not load'}.`,
    action: 'Reload the page and export again. If memory is short, close other tabs.',
  });
}
