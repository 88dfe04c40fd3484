/** @file What `recover` adds to a slicing: the dense stream beside the sliced one, and the sums of its least squares. */
import { memoryCosts } from '../../backend/memory_costs.ts';
import { DEFAULT_STATE_BUDGET } from '../../runtime/budgets.ts';
import { batchRows } from '../../runtime/estimate.ts';
import { emptyBreakdown } from '../../runtime/memory_ledger.ts';
import { rowsPerBatch } from '../../runtime/windows.ts';
import { estimateSlicing, type JobMemory, MARGIN, type SlicingPlan } from './estimate.ts';
import type { ModelShape } from './parts.ts';
import type { RecoverOptions } from './recovery.ts';

/** The half that needs more: features are the stream and what its output linear reads. */
export function estimateRecovery(shape: ModelShape, plan: SlicingPlan, { ridge }: RecoverOptions): JobMemory {
  const { seqlen, samples } = plan.windows;
  const { maxTensorBytes } = plan.backend;
  const budget = (plan.stateBudgetBytes ?? DEFAULT_STATE_BUDGET) / 2;
  const slicing = estimateSlicing(shape, { ...plan, stateBudgetBytes: budget });
  const { hidden_size: D, intermediate_size: F, query_size, parallel, gated } = shape;
  const costs = memoryCosts(plan.backend);
  // A quarter of the windows can be held back (`sequential.ts`).
  const most = Math.min(rowsPerBatch(plan.backend, shape), Math.ceil(samples / 4) * seqlen);
  const batches = batchRows({ seqlen, count: samples, rowsPerBatch: most, maxTensorBytes }, samples);
  const rows = Math.max(...batches);
  const all = batches.reduce((sum, each) => sum + each, 0) * D;
  const stream = Math.min(costs.floats(all), budget);
  const sums = ridge === 'auto' && batches.length > 1 ? 2 : 1;
  const gram = (n: number) => costs.gramBytes(n) + (costs.sumsInSingle ? costs.floats(n * n) : 0);
  const halves = parallel ? [[query_size, F]] : [[query_size], [F]];
  const stages = halves.map((widths) => {
    const inner = widths.reduce((sum, width) => sum + width, 0);
    const grams = sums * (gram(D) + widths.reduce((sum, width) => sum + gram(width), 0));
    const weights = costs.floats((parallel ? 4 * query_size : 0) * D + (gated ? 3 : 2) * F * D);
    // Both models' features, one of them weighted, with the workspace that they come from; the streams behind the half, what
    // is missing, and the product of a batch.
    const batch =
      costs.floats(rows * (5 * inner + 8 * D)) +
      costs.floats(inner * D) +
      (costs.readsThroughBuffer ? costs.floats(inner * D) : 0);
    return { weights: 2 * weights, grams, activations: 2 * stream + batch };
  });
  const of = ({ weights, grams, activations }: (typeof stages)[number]) => weights + grams + activations;
  const stage = stages.reduce((worst, each) => (of(each) > of(worst) ? each : worst));
  const other = costs.fixedBytes + costs.floats(D * D);
  const features = D + (parallel ? query_size + F : Math.max(query_size, F));
  const readback = Math.max(slicing.host.readback, 8 * ((sums + 2) * features ** 2 + 2 * features * D));
  const host = { ...slicing.host, readback };
  if (of(stage) + other <= slicing.device_bytes) return { ...slicing, host };
  const { weights, grams: matrices, activations } = stage;
  return {
    ...slicing,
    device_bytes: Math.ceil(MARGIN * (of(stage) + other)),
    breakdown: { ...emptyBreakdown(), weights, matrices, activations, other },
    host,
  };
}
