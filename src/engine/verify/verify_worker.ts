/**
 * @file The Worker that runs one build of onnxruntime-web. Apart from the engine's own: megabytes of wasm load only for an
 * export, and ending the Worker frees all of its memory. The runtime's files come from this site (invariant 7).
 */
import type * as Ort from 'onnxruntime-web/wasm';
import { toErrorData } from '../../errors/errors.ts';
import { watchOutsideRequests } from '../../platform/requests.ts';
import { diskTraffic } from '../../pulse/traffic.ts';
import type { RuntimeBuild } from './builds.ts';
import { loadRuntime } from './session.ts';
import { writeText } from './session_text.ts';
import type { FromVerifier, ToVerifier } from './verifier.ts';
import { verifyFiles } from './verify_files.ts';

declare const self: DedicatedWorkerGlobalScope;

function post(message: FromVerifier, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

watchOutsideRequests((urls) => post({ type: 'outside_requests', urls }));

const RUNTIMES: Record<RuntimeBuild, () => Promise<{ ort: typeof Ort }>> = {
  wasm: () => import('./runtime_wasm.ts'),
  webgpu: () => import('./runtime_webgpu.ts'),
};

let loading: Promise<typeof Ort> | undefined;

async function load(build: RuntimeBuild, threads: number): Promise<typeof Ort> {
  const { ort } = await RUNTIMES[build]();
  ort.env.wasm.numThreads = threads;
  await loadRuntime(ort);
  post({ type: 'loaded' });
  return ort;
}

async function run(ort: typeof Ort, { files, windows }: Extract<ToVerifier, { type: 'run' }>): Promise<void> {
  const result = await verifyFiles(ort, files, windows, {
    onOpened: () => post({ type: 'opened' }),
    onPart: (done, total) => post({ type: 'part', done, total }),
    onWindow: (index, loss) => post({ type: 'window', index, loss }),
  });
  result.bytes_read = diskTraffic().files_read;
  post({ type: 'result', result }, [result.first_logits.buffer]);
}

async function write(ort: typeof Ort, { files, job }: Extract<ToVerifier, { type: 'write' }>): Promise<void> {
  const onToken = (token: number, ms: number) => post({ type: 'token', token, ms });
  post({ type: 'result', result: await writeText(ort, files, job, { onToken }) });
}

self.onmessage = async ({ data }: MessageEvent<ToVerifier>) => {
  try {
    if (data.type === 'load') loading = load(data.build, data.threads);
    const ort = await loading;
    if (data.type === 'run' && ort) await run(ort, data);
    if (data.type === 'write' && ort) await write(ort, data);
  } catch (thrown) {
    post({ type: 'error', error: toErrorData(thrown) });
  }
};
