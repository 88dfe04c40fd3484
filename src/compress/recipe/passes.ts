/**
 * @file From steps to passes: a modifier (`correct`) runs within the next step's pass, a follower (`recover`) within that of
 * the step before it. Refuses orders that would do nothing.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { AnyMethod, AnyStep } from '../method.ts';
import { METHODS, requireMethod } from '../registry.ts';

/** One run of a method's work. */
export interface Pass {
  readonly step: AnyStep;
  readonly method: AnyMethod;
  readonly before: readonly AnyStep[];
  readonly after: readonly AnyStep[];
}

/** Of steps whose order {@link assertOrder} accepts. */
export function passesOf(steps: readonly AnyStep[]): Pass[] {
  const passes: Pass[] = [];
  let before: AnyStep[] = [];
  for (const step of steps) {
    const method = requireMethod(step.method);
    const last = passes.at(-1);
    if (method.role === 'modifier') before.push(step);
    else if (method.role === 'follower' && last) passes[passes.length - 1] = { ...last, after: [...last.after, step] };
    else {
      passes.push({ step, method, before, after: [] });
      before = [];
    }
  }
  return passes;
}

/** Throws `bad_option` for a modifier without a step that it acts on, and a follower without one that it follows. */
export function assertOrder(steps: readonly AnyStep[]): void {
  steps.forEach((step, index) => {
    const { role = 'step', comparesDense } = requireMethod(step.method);
    const instead = comparesDense?.(step.options as never);
    if (role === 'modifier' || instead) {
      const dropping = steps.slice(0, index).find((each) => requireMethod(each.method).dropsLayers);
      if (dropping) {
        const what = `compares layer by layer with the dense model, and stands behind ${dropping.method}, which drops layers`;
        const without = role === 'modifier' ? '' : `, or ${step.method} with ${instead}`;
        throw bad(index, step, what, `${step.method} before ${dropping.method}${without}`);
      }
    }
    if (role === 'modifier') {
      const next = steps.slice(index + 1).find((each) => requireMethod(each.method).role !== 'modifier');
      const rebased = steps.slice(0, index).find((each) => requireMethod(each.method).rebases);
      if (rebased) {
        const what = `stands behind ${rebased.method}, whose residual stream is in another basis than the dense model's`;
        throw bad(index, step, what, `${step.method} before ${rebased.method}`);
      }
      if (next && takes(next, step.method)) return;
      const what = next
        ? `stands before ${next.method}, which does not take it`
        : 'is the last step, and changes nothing by itself';
      throw bad(index, step, what, `${step.method} right before one of ${takers(step.method)}`);
    }
    if (role === 'follower') {
      const before = steps.slice(0, index).findLast((each) => requireMethod(each.method).role !== 'follower');
      if (before && takes(before, step.method)) return;
      const what = before ? `stands behind ${before.method}` : 'is the first step';
      throw bad(index, step, what, `${step.method} right behind one of ${takers(step.method)}`);
    }
  });
}

function takes({ method }: AnyStep, name: string): boolean {
  return requireMethod(method).takes?.includes(name) ?? false;
}

function takers(name: string): string {
  return METHODS.filter(({ takes: names }) => names?.includes(name))
    .map((method) => method.name)
    .join(', ');
}

function bad(index: number, { method }: AnyStep, what: string, allowed: string): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: `Step ${index + 1} of the recipe, "${method}", ${what}.`,
    place: { field: 'recipe' },
    allowed,
    action: `Put the steps in that order, or leave ${method} out. --help ${method} says what it goes with.`,
  });
}
