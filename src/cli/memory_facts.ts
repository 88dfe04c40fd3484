/** @file What a job will need, in lines for people, before minutes are spent on it. */
import { estimateJob, memoryVerdict, storageNeed, worstMemory } from '../engine/memory_plan.ts';
import { constantDimensions, missingTokens, resolveHead, sliceDimension } from '../engine/plan.ts';
import type { BackendInfo, ModelSummary, PlannedMemory, ProtocolReport } from '../engine/protocol.ts';
import { memoryKind } from './format.ts';
import { bytes } from './numbers.ts';
import type { CliOptions } from './options.ts';

type Slicing = Pick<CliOptions, 'sparsity' | 'round' | 'head' | 'schedule'>;

/** The parts of an estimate in the words of the studio. */
const PARTS: Readonly<Record<string, string>> = {
  weights: 'weights of a layer',
  activations: 'hidden states',
  matrices: 'bases and covariances',
  workspace: 'workspace',
  head: 'embedding and head in blocks',
  other: 'other',
};

/** Shares below this are not worth a word. */
const LEAST_SHARE = 0.01;

export function plannedMemory(
  { sparsity, round, head, schedule }: Slicing,
  { shape }: Pick<ModelSummary, 'shape'>,
  windows: Pick<ProtocolReport, 'seqlen' | 'samples' | 'eval_samples'>,
  backend: BackendInfo,
  /** Of recipes and of the search for one, as the engine plans them. */
  planned: readonly PlannedMemory[] = [],
): string[] {
  const slices = sparsity.map((share) => {
    const kind = resolveHead(head, shape);
    const dimension = sliceDimension(shape.hidden_size, share, round);
    return { schedule, head: kind, dimension, dimensions: constantDimensions(shape, dimension, kind) };
  });
  const job = worstMemory([estimateJob({ shape, backend, windows, slices }), ...planned]);
  return [
    ...memoryLines(job, backend),
    ...memoryVerdict(job, { shape, backend }).notes.map((note) => `note: ${note}`),
    ...tokenNote(windows, Math.max(0, ...slices.map(({ dimension }) => dimension))),
  ];
}

/** The peak with what it is of, and what is needed beside it. */
export function memoryLines(job: PlannedMemory, backend: Pick<BackendInfo, 'kind'>): string[] {
  const { device_bytes, breakdown, step, host, storage } = job;
  const needs = Object.entries(breakdown)
    .filter(([, size]) => size > LEAST_SHARE * device_bytes)
    .map(([part, size]) => `${PARTS[part] ?? part} ${bytes(size)}`);
  const stored = storageNeed(storage);
  const beside = [
    `the page's own memory ${bytes(host.stored_layer + host.readback)}`,
    ...(stored > 0 ? [`storage ${bytes(stored)}`] : []),
  ];
  return [
    `memory: at most ${bytes(device_bytes)} ${memoryKind(backend.kind)}, during ${step} (${needs.join(', ')}); beside it ${beside.join(', ')}`,
  ];
}

function tokenNote(windows: Pick<ProtocolReport, 'seqlen' | 'samples'>, dimension: number): string[] {
  const missing = missingTokens(windows, dimension);
  return missing === undefined ? [] : [`note: ${missing} Raise --samples or --seqlen.`];
}
