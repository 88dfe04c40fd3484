/** @file The loss of a text with the dense model beside it: how far from its distributions, and how far from the tokens themselves. */
import type { Arena } from '../../runtime/arena.ts';
import type { BatchTargets, Teacher } from '../../runtime/backward/head.ts';
import { meanTargets } from '../../runtime/backward/model.ts';
import { stepWindows } from '../../runtime/backward/training.ts';
import type { TokenWindows, WindowBatch } from '../../runtime/windows.ts';

/** Weights of a mean over tokens, divided between the teacher's distribution and the token: soft · divergence + (1 − soft) · −log p. */
export function divided(targets: readonly BatchTargets[], soft: number): BatchTargets[] {
  if (soft === 1) return [...targets];
  return targets.map((each) => ({
    ...each,
    weights: each.weights.map((weight) => soft * weight),
    text_weights: each.weights.map((weight) => (1 - soft) * weight),
  }));
}

/** The same with the teacher, of whom nothing is asked where its share is 0. */
export async function withTeacher(
  targets: readonly BatchTargets[],
  soft: number,
  teacher: () => Promise<Teacher>,
): Promise<{ targets: BatchTargets[]; teacher?: Teacher }> {
  return soft === 0 ? { targets: [...targets] } : { targets: divided(targets, soft), teacher: await teacher() };
}

/** Every token but the first of a window. @param among All whose mean is sought. */
export function textTargets(
  arena: Arena,
  text: TokenWindows,
  chosen: readonly number[],
  batches: readonly WindowBatch[],
  among: readonly number[],
): BatchTargets[] {
  const { windows } = stepWindows(arena, text, chosen);
  const share = chosen.length / among.length;
  return meanTargets(windows, batches).map((each) => ({ ...each, weights: each.weights.map((w) => share * w) }));
}
