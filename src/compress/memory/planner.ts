/** @file A planner for one job, and what it found. */
import { memoryCosts } from '../../backend/memory_costs.ts';
import type { ModelOutline } from '../../models/decoder_model.ts';
import { OutlinePlanner } from '../../runtime/estimate_outline.ts';
import { MemoryLedger } from '../../runtime/memory_ledger.ts';
import { rowsPerBatch } from '../../runtime/windows.ts';
import { type JobMemory, MARGIN, type MemoryPlan } from '../slicegpt/estimate.ts';
import { storedLayerBytes } from '../slicegpt/model_shape.ts';

/** A planner of its own for a job of so many windows. @param measured Whose evaluation it plans. */
export function plannerOf(plan: MemoryPlan, count: number, measured?: ModelOutline): OutlinePlanner {
  const { backend, windows } = plan;
  const ledger = new MemoryLedger(memoryCosts(backend), 4);
  const own = { count, seqlen: windows.seqlen, maxTensorBytes: backend.maxTensorBytes };
  const rows = rowsPerBatch(backend, measured?.config);
  return new OutlinePlanner(ledger, { ...own, rowsPerBatch: rows }, backend);
}

/** What a planner found. @param beside Bytes on the host in f64, and of states in storage. */
export function foundMemory(
  { ledger }: OutlinePlanner,
  model: ModelOutline,
  beside: { readonly host?: number; readonly spill?: number } = {},
): JobMemory {
  return {
    device_bytes: Math.ceil(MARGIN * ledger.peakBytes),
    breakdown: ledger.atPeak,
    host: { stored_layer: storedLayerBytes(model), readback: beside.host ?? 0 },
    storage: { spill: beside.spill ?? 0, weights: 0, bases: 0 },
  };
}
