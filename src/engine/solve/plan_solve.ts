/** @file Command `plan_solve`: what the search for the best recipe of a size will need, from shapes alone. */
import { storedType } from '../../compress/slicegpt/store.ts';
import { smallestBytes } from '../../compress/solver/solve.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import type { Commands, SolvePlan } from '../protocol.ts';
import { memoryPlanOf, searchMemory } from '../recipe_memory.ts';
import type { EngineState } from '../state.ts';
import { formatTarget } from './format_target.ts';
import { bytesOfTarget } from './solve_command.ts';

/** @throws `bad_option` for a format that no target can be met in */
export async function planSolveCommand(
  state: EngineState,
  { target, format, windows }: Commands['plan_solve']['request'],
): Promise<SolvePlan> {
  const { open, summary } = state.requireModel();
  const formatted = formatTarget(format, open, bytesPerElement(storedType(open.model)), state.importance?.values);
  const plan = memoryPlanOf(state, windows);
  return {
    target_bytes: bytesOfTarget(target, summary),
    smallest_bytes: smallestBytes(open.model, formatted),
    ...(plan && { memory: searchMemory(open.model, formatted, plan) }),
  };
}
