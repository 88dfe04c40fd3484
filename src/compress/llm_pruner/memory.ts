/** @file What scores by gradients need: the text there with the inputs of all layers kept, and back with one layer's gradients. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import { keepsLogits } from '../../runtime/backward/head.ts';
import { keptWidth, stepPlan } from '../../runtime/backward/kept_layers.ts';
import { DEFAULT_STATE_BUDGET, vocabularyBlockRows } from '../../runtime/budgets.ts';
import { batchRows, PlannedStates } from '../../runtime/estimate.ts';
import { layerWidths, telling } from '../../runtime/estimate_outline.ts';
import { elementCount } from '../../tensor/shape.ts';
import { layerLinears, linearOf, outputLinear } from '../layerwise/half.ts';
import { foundMemory, plannerOf } from '../memory/planner.ts';
import { layerwiseMemory } from '../memory/recipe_memory.ts';
import { worstOf } from '../memory/worst.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';

/** The larger of the gradients' pass and of the pass that prunes. */
export function gradientMemory(
  model: ModelOutline,
  { compensate, score }: { readonly compensate: boolean; readonly score: 'taylor' | 'fisher' },
  plan: MemoryPlan,
): JobMemory {
  const statistics = compensate ? (['gram', 'diagonal'] as const) : (['diagonal'] as const);
  const touches = (name: string) => name === outputLinear('attention') || name === outputLinear('mlp');
  const pruning = layerwiseMemory({ statistics: [...statistics], touches, model, dense: model }, plan);
  return worstOf([scoring(model, score, plan), pruning]);
}

function scoring(model: ModelOutline, score: 'taylor' | 'fisher', plan: MemoryPlan): JobMemory {
  const planner = plannerOf(plan, plan.windows.samples);
  const { ledger, windows } = planner;
  const batches =
    score === 'fisher'
      ? Array.from({ length: windows.count }, () => windows.seqlen)
      : batchRows(windows, windows.count);
  // Turned forwards and backwards.
  planner.rotary(model);
  planner.rotary(model);
  const inputs = new PlannedStates(ledger, plan.stateBudgetBytes ?? DEFAULT_STATE_BUDGET);
  const states = new PlannedStates(ledger);
  planner.embed(model, batches, (x, i, elements) => states.put(i, x, elements));
  const told = new Set(telling(model.layers));
  // A layer's gradients are those of all batches, so that batches are not parted.
  const { keptFrom } = stepPlan(model.layers, batches, true);
  for (const [l, layer] of model.layers.entries()) {
    const { input, output } = layerWidths(layer);
    const weights = told.has(l) ? planner.layer(layer, false) : [];
    for (const [i, rows] of batches.entries()) {
      const x = states.take(i, rows * input);
      if (l >= keptFrom) ledger.hold('activations', rows * keptWidth(layer));
      inputs.put(l * batches.length + i, ledger.hold('activations', rows * input), rows * input);
      states.put(i, planner.run(layer, x, rows), rows * output);
    }
    ledger.free(...weights);
  }
  ledger.freeWorkspace();
  const most = Math.max(...batches);
  const [vocabulary, columns] = model.lm_head.weight.shape;
  const size = vocabularyBlockRows(vocabulary, columns, most, windows.maxTensorBytes);
  const head = [
    ...batches.flatMap((rows) => [ledger.hold('activations', 3 * rows * columns), ledger.hold('head', 11 * rows)]),
    ledger.load('head', size * columns),
  ];
  const all = vocabulary * batches.reduce((sum, rows) => sum + rows, 0);
  const keeps = size < vocabulary && keepsLogits(vocabulary, batches, false);
  ledger.workspace('logits', keeps ? all : 2 * most * size);
  ledger.free(...head);
  ledger.freeWorkspace();
  // The widest layer on the way down: its weights, as many gradients, and what arises in it with a gradient of each.
  const numbers = (layer: ModelOutline['layers'][number]) =>
    layerLinears(layer).reduce((sum, name) => sum + elementCount(linearOf(layer, name).weight.shape), 0);
  const layer = model.layers.reduce((widest, each) => (numbers(each) > numbers(widest) ? each : widest));
  const held = [...planner.layer(layer, false), ledger.hold('matrices', numbers(layer))];
  const d = layerWidths(layer);
  for (const name of ['kept', 'gradient']) {
    ledger.workspace(`${name} attention`, most * (d.input + 2 * d.query + 2 * d.key));
    ledger.workspace(`${name} mlp`, most * (d.middle + (layer.mlp.gate_proj ? 3 : 2) * d.inner));
  }
  ledger.workspace('states', most * (2 * d.middle + d.output));
  ledger.free(...held);
  const host = 8 * numbers(layer) * (score === 'fisher' ? 3 : 2);
  return foundMemory(planner, model, { host, spill: inputs.spilledBytes });
}
