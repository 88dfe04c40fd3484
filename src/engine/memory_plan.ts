/**
 * @file The memory of a whole job before it runs: the costliest of its steps, and whether the device and the browser's
 * storage can give it. Pure; for pages, the command line and the report.
 */
import { worstOf } from '../compress/memory/worst.ts';
import { estimateEvaluation, estimateSlicing, type JobMemory } from '../compress/slicegpt/estimate.ts';
import type { ModelShape } from '../compress/slicegpt/parts.ts';
import type { HeadKind, Schedule } from '../compress/slicegpt/plan.ts';
import type { SiteDimensions } from '../compress/slicegpt/sites.ts';
import { keptLogitsBytes } from '../runtime/kept_logits.ts';
import type { Widths } from '../runtime/windows.ts';
import type { Shape } from '../tensor/shape.ts';
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
  /** The step that needs most, for people: "perplexity", or a step of a recipe as it is written. */
  step: string;
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
    if (storageNeed(slicing.storage) > storageNeed(storage)) storage = slicing.storage;
  }
  return withLogits({ ...most, storage }, plan, [shape.vocab_size, shape.hidden_size], shape);
}

/**
 * With the dense model's logits, which are there all the time where they are kept.
 * @param head Shape of the dense head. @param model The dense model's own sizes.
 */
export function withLogits(
  memory: PlannedMemory,
  { backend, windows }: Pick<MemoryJob, 'backend' | 'windows'>,
  head: Shape,
  model: Widths,
): PlannedMemory {
  const bytes = keptLogitsBytes(backend, windows, head, model);
  const { device_bytes, breakdown } = memory;
  return {
    ...memory,
    device_bytes: device_bytes + bytes,
    breakdown: { ...breakdown, head: breakdown.head + bytes },
  };
}

/** Of several jobs one after the other: the device memory of the one that needs most of it, the most of everything else. */
export function worstMemory(jobs: readonly PlannedMemory[]): PlannedMemory {
  const { step } = jobs.reduce((worst, each) => (each.device_bytes > worst.device_bytes ? each : worst));
  return { ...worstOf(jobs), step };
}

export function storageNeed({ spill, weights, bases }: JobMemory['storage']): number {
  return spill + weights + bases;
}

/** What a browser tells of the room it has. */
export interface Room {
  /** What can still be stored, found by trying; see the command `room`. */
  storage_bytes?: number;
  /** Of the machine, coarsely. */
  memory_bytes?: number;
}

export interface MemoryVerdict {
  fits: boolean;
  /** What to know or to do, for people. */
  notes: string[];
}

/**
 * Browsers do not tell how much memory a GPU has: what can be compared is its largest buffer, the storage, and on the CPU
 * backend, whose tensors lie there, the machine's memory.
 */
export function memoryVerdict(
  job: PlannedMemory,
  { shape, backend }: Pick<MemoryJob, 'shape' | 'backend'>,
  { storage_bytes, memory_bytes }: Room = {},
): MemoryVerdict {
  const notes: string[] = [];
  const { hidden_size: D, intermediate_size: F, query_size } = shape;
  const largest = 4 * D * Math.max(D, F, query_size);
  if (backend.kind === 'webgpu' && largest > backend.maxTensorBytes) {
    notes.push(
      `Matrices of ${megabytes(largest)} exceed what this adapter takes in one piece (${megabytes(backend.maxTensorBytes)}): they are kept in parts.`,
    );
  }
  const need = storageNeed(job.storage);
  const isStorable = storage_bytes === undefined || need <= storage_bytes;
  if (!isStorable) {
    notes.push(
      `${megabytes(storage_bytes)} more fit into the browser's storage, and ${megabytes(need)} are needed: use fewer or shorter calibration windows, remove runs, or free disk space.`,
    );
  }
  const memory = job.device_bytes + job.host.stored_layer + job.host.readback;
  const isHeld = backend.kind !== 'cpu' || memory_bytes === undefined || memory <= memory_bytes;
  if (!isHeld) {
    notes.push(
      `This machine tells of ${megabytes(memory_bytes)} of memory, and ${megabytes(memory)} are needed: use shorter windows, a smaller model, or a GPU.`,
    );
  }
  return { fits: isStorable && isHeld, notes };
}

/** Decimal, as elsewhere in the app. */
export function megabytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
