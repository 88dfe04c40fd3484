/** @file A pass for people, and whether a model permits it. */
import type { Pass } from '../compress/recipe/passes.ts';
import { formatStep } from '../compress/recipe/recipe.ts';
import { findMethod } from '../compress/registry.ts';
import type { ModelOutline } from '../models/decoder_model.ts';

/** Of a pass, its modifiers and followers included. */
export function refusalOf({ method, step, before, after }: Pass, model: ModelOutline): string | undefined {
  const all = [
    [method, step] as const,
    ...[...before, ...after].map((each) => [findMethod(each.method), each] as const),
  ];
  for (const [of, { options }] of all) {
    const reason = of?.refusal(model, options as never, of === method ? after : []);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

export function passText({ before, step, after }: Pass): string {
  return [...before, step, ...after].map(formatStep).join('; ');
}
