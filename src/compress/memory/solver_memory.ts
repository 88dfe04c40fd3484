/**
 * @file What the search for the best recipe of a size needs: rounding every matrix in every way, measuring each alone, and making
 * the best choices whole.
 */
import type { ModelOutline } from '../../models/decoder_model.ts';
import { DEFAULT_STATE_BUDGET } from '../../runtime/budgets.ts';
import { batchRows, PlannedStates } from '../../runtime/estimate.ts';
import { layerWidths } from '../../runtime/estimate_outline.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { AnyStep } from '../method.ts';
import { passesOf } from '../recipe/passes.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';
import type { Palette } from '../solver/palette.ts';
import { foundMemory, plannerOf } from './planner.ts';
import { layerwiseMemory, passMemory } from './recipe_memory.ts';
import { worstOf } from './worst.ts';

/** @param held Windows of the calibration text that are held back. */
export function solverMemory(model: ModelOutline, palette: Palette, held: number, plan: MemoryPlan): JobMemory {
  const fit: MemoryPlan = { ...plan, windows: { ...plan.windows, samples: plan.windows.samples - held } };
  const parts: JobMemory[] = [
    layerwiseMemory({ model, dense: model, statistics: palette.statistics, isTrial: true }, fit),
    measuringMemory(model, held, plan),
    tableMemory(model, plan),
  ];
  for (const steps of likelyRecipes(palette)) {
    let outline = model;
    for (const pass of passesOf(steps)) {
      parts.push(passMemory(pass, outline, model, fit));
      outline = pass.method.plan(outline, pass.step.options as never);
    }
  }
  return worstOf(parts);
}

/** Candidates differ in their mixes, and little in what making them takes. */
export function likelyRecipes(palette: Palette): AnyStep[][] {
  const recipes = palette.recipes(palette.tables.at(0), [[0, 'q_proj', palette.linears[0]]]);
  return recipes.map((recipe) => [...parseRecipe(recipe).steps]);
}

/** `DenseStates`: the dense model's states before each layer, and the model with one matrix changed beside them. */
function measuringMemory(model: ModelOutline, held: number, plan: MemoryPlan): JobMemory {
  const planner = plannerOf(plan, held);
  const { ledger, windows } = planner;
  const batches = batchRows(windows, held);
  const states = new PlannedStates(ledger);
  planner.embed(model, batches, (x, i, elements) => states.put(i, x, elements));
  planner.rotary(model);
  planner.layers(model, batches, states);
  for (const [i, rows] of batches.entries()) {
    const inputs = planner.headInputs(model, [rows], states, i);
    planner.bothLogits(model, model, [rows]);
    ledger.free(...inputs);
  }
  const rows = batches.reduce((sum, each) => sum + each, 0);
  const all = 4 * rows * model.layers.reduce((sum, layer) => sum + layerWidths(layer).input, model.config.hidden_size);
  const kept = Math.min(all, plan.stateBudgetBytes ?? DEFAULT_STATE_BUDGET);
  return foundMemory(planner, model, { host: kept, spill: all - kept });
}

/** A table in f64, its codes and what they stand for. */
function tableMemory(model: ModelOutline, plan: MemoryPlan): JobMemory {
  return foundMemory(plannerOf(plan, 1), model, { host: 25 * elementCount(model.embed_tokens.weight.shape) });
}
