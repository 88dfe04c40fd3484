/** @file The importance matrix of a job's calibration text, as a file and as methods take it: for tests. */
import type { Backend } from '../../src/backend/backend.ts';
import { importanceKey, inputEnergies } from '../../src/compress/gguf/importance.ts';
import type { LinearName } from '../../src/compress/layerwise_types.ts';
import { importanceNames } from '../../src/export/gguf/importance_names.ts';
import { writeImatrix } from '../../src/formats/gguf/imatrix.ts';
import type { RawConfig } from '../../src/formats/hf/config.ts';
import { type BrownSplit, demoText } from '../../tools/brown.ts';
import { compressionContext, type TestJob } from './slice_job.ts';

export interface TestImatrix {
  readonly bytes: Uint8Array;
  /** Mean x² of each input, by "LAYER.LINEAR". */
  readonly means: ReadonlyMap<string, Float64Array>;
}

export async function imatrixOf(backend: Backend, job: TestJob, raw: RawConfig): Promise<TestImatrix> {
  const context = { ...compressionContext(backend, job), dense: job.model, before: [], after: [] };
  const energies = await inputEnergies(job.model, context);
  const names = importanceNames(job.model, raw);
  if (typeof names === 'string') throw new Error(names);
  const means = new Map([...energies].map(([key, { sums, tokens }]) => [key, sums.map((sum) => sum / tokens)]));
  const entries = new Map(
    names.map(({ tensor, layer, linears: [first] }) => {
      const { sums, tokens } = energies.get(importanceKey({ layer, name: first as LinearName }))!;
      return [tensor, { sums: Float32Array.from(sums), counts: Float32Array.of(tokens) }];
    }),
  );
  const { count, seqlen } = job.calibration;
  const parts: Uint8Array[] = [];
  for await (const chunk of writeImatrix({ datasets: ['text'], chunk_count: count, chunk_size: seqlen, entries })) {
    parts.push(chunk.slice());
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), means };
}

/** The built-in texts. */
export function demoTexts(): { calibration: string; evaluation: string } {
  const text = (split: BrownSplit) => new TextDecoder().decode(demoText(split));
  return { calibration: text('calibration'), evaluation: text('evaluation') };
}
