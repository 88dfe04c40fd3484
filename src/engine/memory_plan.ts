/**
 * @file The memory of a whole job before it runs: the costliest of its steps, and whether the device and the browser's
 * storage can give it. Pure; for pages, the command line and the report.
 */
import { estimateEvaluation, estimateSlicing, type JobMemory } from '../compress/slicegpt/estimate.ts';
import type { ModelShape } from '../compress/slicegpt/parts.ts';
import type { HeadKind, Schedule } from '../compress/slicegpt/plan.ts';
import type { SiteDimensions } from '../compress/slicegpt/sites.ts';
import type { BackendInfo } from './protocol.ts';

export interface PlannedSlice {
  schedule: Schedule;
  head: HeadKind;
  dimensions: SiteDimensions;
}

export interface MemoryJob {
  shape: ModelShape;
  backend: Pick<BackendInfo, 'kind' | 'architecture' | 'isFallbackAdapter' | 'maxTensorBytes'>;
  windows: { seqlen: number; samples: number; eval_samples: number };
  slices: readonly PlannedSlice[];
}

export interface PlannedMemory extends JobMemory {
  /** The step that needs most. */
  step: 'perplexity' | 'calibration and slicing';
}

/** Of the step that needs most device memory; storage is that of the slicing that needs most. */
export function estimateJob({ shape, slices, ...plan }: MemoryJob): PlannedMemory {
  let most: PlannedMemory = { ...estimateEvaluation(shape, plan), step: 'perplexity' };
  let storage = most.storage;
  for (const slice of slices) {
    const slicing = estimateSlicing(shape, { ...plan, ...slice });
    const evaluation = estimateEvaluation(shape, plan, slice);
    if (slicing.device_bytes > most.device_bytes) most = { ...slicing, step: 'calibration and slicing' };
    if (evaluation.device_bytes > most.device_bytes) most = { ...evaluation, step: 'perplexity' };
    const need = (of: JobMemory['storage']) => of.spill + of.weights;
    if (need(slicing.storage) > need(storage)) storage = slicing.storage;
  }
  return { ...most, storage };
}

export interface StorageEstimate {
  usage?: number;
  quota?: number;
}

export interface MemoryVerdict {
  fits: boolean;
  /** What to know or to do, for people. */
  notes: string[];
}

/** Browsers do not tell how much memory a GPU has: what can be compared is its largest buffer, and the storage. */
export function memoryVerdict(
  job: PlannedMemory,
  { shape, backend }: Pick<MemoryJob, 'shape' | 'backend'>,
  storage: StorageEstimate | undefined,
): MemoryVerdict {
  const notes: string[] = [];
  const { hidden_size: D, intermediate_size: F, query_size } = shape;
  const largest = 4 * D * Math.max(D, F, query_size);
  if (backend.kind === 'webgpu' && largest > backend.maxTensorBytes) {
    notes.push(
      `Matrices of ${mebibytes(largest)} exceed this adapter's largest binding of ${mebibytes(backend.maxTensorBytes)}: they are kept in parts.`,
    );
  }
  const need = job.storage.spill + job.storage.weights;
  const free = storage?.quota === undefined ? undefined : storage.quota - (storage.usage ?? 0);
  const fits = free === undefined || need <= free;
  if (!fits) {
    notes.push(
      `The browser's storage has room for ${mebibytes(free)}, and ${mebibytes(need)} are needed: use fewer samples or shorter windows, or free disk space.`,
    );
  }
  return { fits, notes };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
