/** @file The Worker that measures the CPU: one task, on all threads, as the engine's Worker would run it. */

import loaderUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import * as ort from 'onnxruntime-web/wasm';
import type { Backend } from '../backend/backend.ts';
import { createWasmBackend } from '../backend/wasm/wasm_backend.ts';
import { MOST_THREADS, startComputeThreads } from '../engine/compute_threads.ts';
import { benchEigen } from './eigen.ts';
import { linalgTimes } from './linalg_times.ts';
import { benchLut } from './lut.ts';
import { matmulModel } from './ort_model.ts';
import { operands, ownMatmul } from './own_matmul.ts';
import { packedTimes } from './packed_times.ts';
import type { CpuTaskName, CpuTasks, FromCpuWorker, ToCpuWorker } from './page_protocol.ts';
import { medianMs } from './timing.ts';

declare const self: DedicatedWorkerGlobalScope;

/** Threads that have just started get the processor before the first product wants it. */
const SETTLE_MS = 50;

/** Of one measurement: products take milliseconds here, and every one is measured in several Workers. */
const BUDGET_MS = 700;

type Task<K extends CpuTaskName> = (request: CpuTasks[K]['request']) => Promise<CpuTasks[K]['result']>;

const TASKS: { [K in CpuTaskName]: Task<K> } = {
  whittle_matmul: (shape) =>
    withBackend(async (backend, threads) => ({
      threads,
      ...(await ownMatmul(backend, shape, operands(shape), BUDGET_MS)),
    })),
  ort_matmul: async (shape) => {
    ort.env.wasm.wasmPaths = { mjs: loaderUrl, wasm: wasmUrl };
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
    const { a, b } = operands(shape);
    const session = await ort.InferenceSession.create(await matmulModel(shape, b), { executionProviders: ['wasm'] });
    await settle();
    const feeds = { a: new ort.Tensor('float32', a, [shape.m, shape.k]) };
    const ms = await medianMs(
      () => session.run(feeds),
      async () => undefined,
      BUDGET_MS,
    );
    const { y } = await session.run(feeds);
    return { ms, product: y.data as Float32Array };
  },
  packed: (shape) => withBackend(async (backend, threads) => ({ threads, ms: await packedTimes(backend, shape) })),
  lut: async (shape) => benchLut(shape),
  eigen: ({ n, family }) => withBackend((backend) => benchEigen(backend, (args) => backend.eigh(args), n, family)),
  linalg: (request) => withBackend((backend) => linalgTimes(backend, request)),
};

async function withBackend<T>(use: (backend: Backend, threads: number) => Promise<T>): Promise<T> {
  const crew = await startComputeThreads();
  const backend = createWasmBackend(crew);
  try {
    await settle();
    return await use(backend, (crew?.threads.length ?? 0) + 1);
  } finally {
    backend.dispose();
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

self.onmessage = async ({ data }: MessageEvent<ToCpuWorker>) => {
  const answer = (message: FromCpuWorker) => self.postMessage(message);
  try {
    answer({ result: await (TASKS[data.task] as Task<CpuTaskName>)(data.request as never) });
  } catch (thrown) {
    answer({ error: thrown instanceof Error ? thrown.message : String(thrown) });
  }
};
