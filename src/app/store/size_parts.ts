/** @file The size bar: elements by part, and what head and shortcuts add or save, in words. */
import type { HeadKind, ModelShape, PartSizes } from '../../engine/protocol.ts';
import { formatCount } from '../format.ts';
import { headCosts, type Plan } from './plan.ts';

export const PARTS: readonly { name: keyof PartSizes; label: string; title?: string }[] = [
  { name: 'embedding', label: 'Embedding', title: 'The table, its projection and learned positions' },
  { name: 'attention', label: 'Attention' },
  { name: 'mlp', label: 'MLP' },
  { name: 'shortcuts', label: 'Shortcuts', title: 'From the basis of one site to that of the next' },
  { name: 'head', label: 'Head', title: 'The head’s own matrices and bias; a dash where it shares the embedding' },
  { name: 'norms', label: 'Norms' },
];

/** One sentence each, with the sign as it is: growth is called growth. */
export function explainSize(shape: ModelShape, plan: Plan): string[] {
  const costs = headCosts(shape, plan.dimension);
  return [explainHead(shape, plan, costs), explainShortcuts(plan)].filter((sentence) => sentence !== '');
}

function explainHead(shape: ModelShape, plan: Plan, costs: Record<HeadKind, number | null>): string {
  const { head, parts } = plan;
  const saved = (costs.untied as number) - (costs[head] as number);
  const amount = `${formatCount(Math.abs(saved))} parameters ${saved >= 0 ? 'fewer' : 'more'} than untied`;
  switch (head) {
    case 'tied':
      return `One table serves embedding and head: ${amount}.`;
    case 'tied-sliced':
      return `One narrow table serves embedding and head: ${amount}, at a price in perplexity.`;
    case 'sliced':
      return `The head is sliced too: ${amount}.`;
    case 'untied':
      return shape.tied
        ? `The head becomes a matrix of its own, which adds ${formatCount(parts.head - shape.dense.head)} parameters.`
        : '';
  }
}

function explainShortcuts(plan: Plan): string {
  return `Shortcuts between the rotated layers add ${formatCount(plan.parts.shortcuts)}.`;
}
