/**
 * @file What a job will need, before it runs and from shapes alone: peak device bytes with a breakdown, and bytes on the
 * host and in the browser's storage. The planner goes through the steps of `sequential.ts`, `rotate_once.ts`,
 * `slice_layer.ts` and `heads.ts` with a {@link MemoryLedger}; tests hold it against what backends measure.
 */
import type { BackendInfo } from '../../backend/backend.ts';
import { memoryCosts } from '../../backend/memory_costs.ts';
import { DEFAULT_STATE_BUDGET, mostAhead } from '../../runtime/budgets.ts';
import {
  batchRows,
  type LayerDimensions,
  planEvaluation,
  type RunShape,
  type WindowPlan,
} from '../../runtime/estimate.ts';
import { type MemoryBreakdown, MemoryLedger } from '../../runtime/memory_ledger.ts';
import { rowsPerBatch } from '../../runtime/windows.ts';
import { SlicingPlanner } from './estimate_slicing.ts';
import { type ModelShape, slicedParts, totalElements } from './parts.ts';
import type { HeadKind, Schedule } from './plan.ts';
import type { SiteDimensions } from './sites.ts';

export type { MemoryBreakdown } from '../../runtime/memory_ledger.ts';

export interface JobMemory {
  /** Peak of device memory (of the heap, on the CPU backend). */
  device_bytes: number;
  /** What it is made of at that moment. */
  breakdown: MemoryBreakdown;
  host: {
    /** Stored weights that are read ahead of their use. */
    stored_layer: number;
    /** Matrices that are read back: covariance, eigenvectors and the certificate in f64. */
    readback: number;
  };
  storage: {
    /** Calibration states beyond the budget. */
    spill: number;
    /** Sliced weights. */
    weights: number;
    /** Of a calibration that is kept for further slices. */
    bases: number;
  };
}

export interface MemoryPlan {
  backend: Pick<
    BackendInfo,
    'kind' | 'architecture' | 'isFallbackAdapter' | 'maxTensorBytes' | 'packs' | 'packsBlocks'
  >;
  windows: { seqlen: number; samples: number; eval_samples: number };
  /** Bytes of calibration states that stay on the device. */
  stateBudgetBytes?: number;
}

export interface SlicingPlan extends MemoryPlan {
  schedule: Schedule;
  head: HeadKind;
  dimensions: SiteDimensions;
}

/** For what the planner leaves out: fences, counters, biases on their way through a rotation. */
export const MARGIN = 1.02;

/** Evaluating the dense model, or with `sliced` a sliced one beside it. */
export function estimateEvaluation(
  shape: ModelShape,
  plan: MemoryPlan,
  sliced?: Pick<SlicingPlan, 'head' | 'dimensions'>,
): JobMemory {
  const ledger = new MemoryLedger(memoryCosts(plan.backend), shape.bytes_per_element);
  const D = shape.hidden_size;
  const run = runShape(shape, !sliced);
  const dimensions = (layer: number) =>
    sliced ? slicedLayer(shape, sliced.dimensions, layer) : { input: D, middle: D, output: D, shortcuts: false };
  const first = dimensions(0).input;
  const last = dimensions(shape.num_hidden_layers - 1).output;
  const isTied = sliced?.head === 'tied';
  const head = {
    table: isTied || !sliced ? D : first,
    columns: sliced?.head === 'tied-sliced' ? first : last,
    ...(sliced && { dense: D }),
  };
  planEvaluation(ledger, run, windowPlan(shape, plan, plan.windows.eval_samples), dimensions, head);
  const stored = storedLayer(shape);
  return memory(ledger, { stored_layer: stored, readback: 0 }, { spill: 0, weights: 0, bases: 0 });
}

/** Calibrating and slicing: everything that command does. */
export function estimateSlicing(shape: ModelShape, plan: SlicingPlan): JobMemory {
  const ledger = new MemoryLedger(memoryCosts(plan.backend), shape.bytes_per_element);
  const windows = windowPlan(shape, plan, plan.windows.samples);
  const batches = batchRows(windows, windows.count);
  const planner = new SlicingPlanner(ledger, shape, runShape(shape, true), {
    windows,
    batches,
    stateBudgetBytes: plan.stateBudgetBytes ?? DEFAULT_STATE_BUDGET,
    dimensions: plan.dimensions,
    head: plan.head,
    layerDimensions: (layer) => slicedLayer(shape, plan.dimensions, layer),
  });
  if (plan.schedule === 'sequential') planner.sequential();
  else planner.rotateOnce();
  const D = shape.hidden_size;
  const weights = totalElements(slicedParts(shape, plan.dimensions, plan.head)) * shape.bytes_per_element;
  const bases = plan.schedule === 'rotate-once' ? (plan.dimensions.length + 2) * D * D * 4 : 0;
  // The covariance and what is left of it in f64, eigenvectors as they are read back and in f64, one more at work.
  const readback = (4 * 8 + 4) * D * D;
  return memory(
    ledger,
    { stored_layer: storedLayer(shape), readback },
    { spill: planner.spilledBytes, weights, bases },
  );
}

function memory(ledger: MemoryLedger, host: JobMemory['host'], storage: JobMemory['storage']): JobMemory {
  return { device_bytes: Math.ceil(MARGIN * ledger.peakBytes), breakdown: ledger.atPeak, host, storage };
}

function windowPlan(shape: ModelShape, { backend, windows }: MemoryPlan, count: number): WindowPlan {
  const { maxTensorBytes } = backend;
  return { seqlen: windows.seqlen, count, rowsPerBatch: rowsPerBatch(backend, shape), maxTensorBytes };
}

/** Dimensions of a layer of the sliced model. */
function slicedLayer(shape: ModelShape, d: SiteDimensions, layer: number): LayerDimensions {
  if (shape.parallel) return { input: d[layer], middle: d[layer], output: d[layer + 1], shortcuts: true };
  return { input: d[2 * layer], middle: d[2 * layer + 1], output: d[2 * layer + 2], shortcuts: true };
}

function runShape(shape: ModelShape, isDense: boolean): RunShape {
  const { attention_bias: a, mlp_bias: m, norm_bias } = shape;
  const biased = norm_bias || a.q || a.k || a.v || a.o || m.gate || m.up || m.down;
  const up_bias = m.up || (!isDense && norm_bias);
  return { ...shape, branch_tensors: shape.branch_tensors ?? 0, biased, up_bias, norm_weights: isDense };
}

/** Stored bytes of one layer of the dense model. */
function storedLayer({ dense, num_hidden_layers, bytes_per_element, ...sizes }: ModelShape): number {
  const largest = sizes.hidden_size * Math.max(sizes.intermediate_size, sizes.query_size);
  const layer = Math.ceil((dense.attention + dense.mlp) / num_hidden_layers);
  return mostAhead(layer * bytes_per_element, largest * bytes_per_element);
}
