/** @file What dropping layers needs: the text runs through the model with the states before each of some layers kept. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import { DEFAULT_STATE_BUDGET } from '../../runtime/budgets.ts';
import { batchRows, PlannedStates } from '../../runtime/estimate.ts';
import { layerWidths, type OutlinePlanner, telling } from '../../runtime/estimate_outline.ts';
import { foundMemory, plannerOf } from '../memory/planner.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';

export function depthMemory(
  model: ModelOutline,
  { drop, replace }: { readonly drop: number; readonly replace: 'linear' | 'none' },
  plan: MemoryPlan,
): JobMemory {
  const planner = plannerOf(plan, plan.windows.samples);
  const { ledger, windows } = planner;
  const batches = batchRows(windows, windows.count);
  const span = replace === 'linear' ? drop : 1;
  const share = Math.floor((plan.stateBudgetBytes ?? DEFAULT_STATE_BUDGET) / (span + 1));
  const sets = Array.from({ length: span + 1 }, () => new PlannedStates(ledger, share));
  const [states, ...waiting] = sets;
  const counts = ledger.holdIds('other', 64);
  planner.embed(model, batches, (x, i, elements) => states.put(i, x, elements));
  planner.rotary(model);
  // The states before as many layers as are dropped together; as many go as come.
  for (const set of waiting.slice(1)) {
    for (const [i, rows] of batches.entries()) {
      const elements = rows * model.config.hidden_size;
      set.put(i, ledger.hold('activations', elements), elements);
    }
  }
  const [last] = waiting;
  for (const index of telling(model.layers)) {
    const layer = model.layers[index];
    const { input, output } = layerWidths(layer);
    const weights = planner.layer(layer, false);
    for (const [i, rows] of batches.entries()) {
      const x = states.take(i, rows * input);
      last.put(i, ledger.hold('activations', rows * input), rows * input);
      states.put(i, planner.run(layer, x, rows), rows * output);
      ledger.read(rows * output);
    }
    last.clear();
    ledger.sync();
    ledger.free(...weights);
  }
  if (replace === 'linear') splitLayer(planner, model, batches, states, share);
  const spill = sets.reduce((sum, { spilledBytes }) => sum + spilledBytes, 0);
  ledger.free(counts);
  const D = model.config.hidden_size;
  return foundMemory(planner, model, { host: replace === 'linear' ? 8 * 5 * D * D : 0, spill });
}

/** The layer before those that go, with its stream and what its MLP adds each in a place of its own (`fit.ts`). */
function splitLayer(
  planner: OutlinePlanner,
  model: ModelOutline,
  batches: readonly number[],
  states: PlannedStates,
  share: number,
): void {
  const { ledger } = planner;
  const [streams, outputs] = [new PlannedStates(ledger, share), new PlannedStates(ledger, share)];
  const layer = model.layers[Math.min(1, model.layers.length - 1)];
  const { input, output } = layerWidths(layer);
  const weights = planner.layer(layer, false);
  for (const [i, rows] of batches.entries()) {
    const x = states.take(i, rows * input);
    const mixed = (['attention', 'mlp'] as const).map((half) =>
      ledger.hold('activations', rows * planner.mixed(layer, half, rows)),
    );
    for (const set of [streams, outputs]) set.put(i, ledger.hold('activations', rows * output), rows * output);
    ledger.free(...mixed);
    states.put(i, x, rows * output);
  }
  ledger.free(...weights);
  ledger.freeWorkspace();
  for (const set of [streams, outputs]) set.clear();
}
