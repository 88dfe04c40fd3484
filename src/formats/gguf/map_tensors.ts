/** @file From the tensors of a GGUF file to those of the Hugging Face checkpoint. */
import { elementCount, formatShape } from '../../tensor/shape.ts';
import { quoteText } from '../json.ts';
import type { StoredTensor, TensorView, Undo } from './checkpoint.ts';
import { unsupportedGguf } from './errors.ts';
import { type Change, CONFIG_TENSORS, FALCON_TWO_NORMS, type GgufFamily, IGNORED_TENSORS } from './families.ts';
import { groupedHeads, interleavedHeads, rowsFrom } from './row_order.ts';
import type { WeightFactors } from './weight_factors.ts';

export interface Heads {
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
}

/**
 * Every tensor that carries a weight, under its Hugging Face name. Throws `unknown_architecture` for a tensor that the
 * family does not know: it would mean another computation than the one that is run.
 */
export function mapTensors(
  file: string,
  family: GgufFamily,
  tensors: ReadonlyMap<string, StoredTensor>,
  heads: Heads,
  factors: WeightFactors,
): TensorView[] {
  const inner = tensors.has('blk.0.attn_norm_2.weight') ? { ...family.inner, ...FALCON_TWO_NORMS } : family.inner;
  const views: TensorView[] = [];
  for (const tensor of tensors.values()) {
    const match = /^(?:blk\.(0|[1-9]\d*)\.)?(.+?)(\.weight|\.bias)?$/s.exec(tensor.name)!;
    const [, index, stem, suffix = ''] = match;
    if (CONFIG_TENSORS.includes(tensor.name) || IGNORED_TENSORS.test(tensor.name)) continue;
    if (factors.tensors.has(tensor.name)) continue;
    const names = index === undefined ? family.outer : inner;
    const name = Object.hasOwn(names, stem) ? names[stem] : undefined;
    if (name === undefined || suffix === '' || (suffix === '.bias' && !family.biases.includes(stem))) {
      throw unknownTensor(file, tensor.name);
    }
    const prefix = index === undefined ? '' : `${family.layers}${index}.`;
    const own = viewsOf(file, `${prefix}${name}${suffix}`, tensor, family.changes?.[stem], suffix, heads);
    const factor = factors.of.get(tensor.name);
    views.push(...(factor === undefined ? own : own.map((view) => multiplied(file, view, factor))));
  }
  return views;
}

/** From a Hugging Face name to GGUF's; a name that the family does not have stays as it is. */
export function ggufNames({ layers, outer, inner }: GgufFamily): (name: string) => string {
  const stems = (names: Readonly<Record<string, string>>) =>
    Object.entries(names).flatMap(([gguf, name]) =>
      ['q', 'k', 'v'].map((part) => [name.replace('{q,k,v}', part), gguf] as const),
    );
  const [outside, inside] = [new Map(stems(outer)), new Map(stems(inner))];
  return (name) => {
    const [, stem, suffix] = /^(.*)(\.weight|\.bias)$/s.exec(name) ?? [name, name, ''];
    const [, index, rest] = /^(\d+)\.(.*)$/s.exec(stem.startsWith(layers) ? stem.slice(layers.length) : '') ?? [];
    const found = index === undefined ? outside.get(stem) : inside.get(rest) && `blk.${index}.${inside.get(rest)}`;
    return found === undefined ? name : found + suffix;
  };
}

function multiplied(file: string, view: TensorView, factor: number): TensorView {
  const { undo, tensor } = view;
  if (!undo?.transposed && undo?.added === undefined) return { ...view, undo: { ...undo, factor } };
  throw unsupportedGguf(file, `Tensor ${quoteText(tensor.name)} has a factor beside it.`, { tensor: tensor.name });
}

function viewsOf(
  file: string,
  name: string,
  tensor: StoredTensor,
  change: Change | undefined,
  suffix: string,
  heads: Heads,
): TensorView[] {
  const { num_attention_heads: queries, num_key_value_heads: keys, head_dim } = heads;
  const view = (undo?: Undo): TensorView[] => [{ name, tensor, shape: tensor.shape, ...(undo && { undo }) }];
  const rows = (count: number) => checkRows(file, tensor, count);
  switch (change) {
    case undefined:
      return view();
    case 'interleaved_queries':
      rows(queries * head_dim);
      return view({ rows: interleavedHeads(head_dim) });
    case 'interleaved_keys':
      rows(keys * head_dim);
      return view({ rows: interleavedHeads(head_dim) });
    case 'ungrouped':
      rows((queries + 2 * keys) * head_dim);
      return view({ rows: groupedHeads(queries, keys, head_dim) });
    case 'one_added':
      return view({ added: 1 });
    case 'transposed':
      if (suffix === '.bias') return view();
      return [{ name, tensor, shape: tensor.shape.toReversed(), undo: { transposed: true } }];
    case 'fused': {
      rows((queries + 2 * keys) * head_dim);
      let first = 0;
      return (['q', 'k', 'v'] as const).map((part) => {
        const count = (part === 'q' ? queries : keys) * head_dim;
        const undo = { rows: rowsFrom(first, head_dim) };
        first += count;
        return { name: name.replace('{q,k,v}', part), tensor, shape: [count, ...tensor.shape.slice(1)], undo };
      });
    }
  }
}

/** Row orders count in heads, so a tensor of another size must not be read through one. */
function checkRows(file: string, { name, shape }: StoredTensor, expected: number): void {
  if (shape[0] === expected && elementCount(shape) > 0) return;
  throw unsupportedGguf(
    file,
    `Tensor ${quoteText(name)} has the shape ${formatShape(shape)}, which the heads do not fit.`,
    {
      tensor: name,
      allowed: `${expected} rows`,
      action: 'The metadata and the weights may come from different models: convert the model anew with current tools.',
    },
  );
}

function unknownTensor(file: string, tensor: string): Error {
  return unsupportedGguf(
    file,
    `The file holds a tensor ${quoteText(tensor)}, which this architecture does not have: it would be another computation.`,
    { tensor },
  );
}
