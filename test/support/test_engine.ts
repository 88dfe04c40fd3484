/** @file An engine with a tiny model and texts, for its tests. */

import { Engine } from '../../src/engine/engine.ts';
import type { ModelSource, SlicegptOptions, TextSettings } from '../../src/engine/protocol.ts';
import type { Verifier } from '../../src/engine/verify/verifier.ts';
import { toErrorData } from '../../src/errors/errors.ts';
import { tinyLlama } from '../fixtures/tiny_llama.ts';
import { type MemoryPlatform, memoryPlatform } from './memory_platform.ts';
import { seededText } from './slice_job.ts';

export const TEXTS: TextSettings = {
  calibration: { kind: 'text', name: 'calibration', text: seededText(1, 500) },
  evaluation: { kind: 'text', name: 'evaluation', text: seededText(2, 500) },
  samples: 4,
  eval_samples: 3,
  seqlen: 16,
};
export const SLICE: SlicegptOptions = {
  sparsity: 0.25,
  round: 2,
  schedule: 'sequential',
  fusion: 'exact',
  head: 'auto',
};

export async function source(options: Parameters<typeof tinyLlama>[0] = {}): Promise<ModelSource> {
  const files = await tinyLlama({ hidden_size: 16, ...options });
  return { kind: 'files', files: files.map(({ path, blob }) => ({ path, file: new File([blob], path) })) };
}

export async function started(platform: MemoryPlatform = memoryPlatform(), model = source()): Promise<Engine> {
  const engine = new Engine(platform);
  await engine.run('start', { backend: 'cpu' });
  await engine.run('open', { source: await model });
  await engine.run('set_texts', TEXTS);
  return engine;
}

export async function failure(job: Promise<unknown>) {
  return toErrorData(
    await job.then(
      () => 'it succeeded',
      (thrown: unknown) => thrown,
    ),
  );
}

export function verifierOf(verify: Verifier['verify']): () => Verifier {
  return () => ({ verify, generate: () => Promise.reject(new Error('It only verifies.')), close() {} });
}
