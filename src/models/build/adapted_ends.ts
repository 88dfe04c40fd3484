/**
 * @file Embedding and head of a tied model to which an adapter changes one alone. PEFT trains and runs such an adapter with the
 * other end as it was (its copy of one module does not reach the other), so the one matrix becomes two before anything is merged.
 */
import type { Checkpoint } from '../../formats/checkpoint.ts';
import type { Adapter } from '../../formats/peft/adapter.ts';
import type { DecoderConfig, WeightNames } from '../architecture.ts';

export interface AdaptedEnds {
  readonly checkpoint: Checkpoint;
  readonly config: DecoderConfig;
  /** For people. */
  readonly notes: readonly string[];
}

/** Nothing is read. Where both ends are changed, or both are stored, what is merged tells whether they are still one matrix. */
export function adaptedEnds(
  checkpoint: Checkpoint,
  names: WeightNames,
  config: DecoderConfig,
  adapter: Adapter,
): AdaptedEnds {
  const same = { checkpoint, config, notes: [] };
  if (!config.tie_word_embeddings) return same;
  const embedding = findEnd(checkpoint, [names.embed_tokens]);
  const head = findEnd(checkpoint, names.lm_head);
  const changed = [isChanged(adapter, [names.embed_tokens]), isChanged(adapter, names.lm_head)];
  const stored = embedding ?? head;
  if (!changed.includes(true) || !stored || (embedding && head)) return same;
  const copy = embedding ? headOf(embedding, names) : embeddingOf(checkpoint, head!, names);
  const apart = withCopy(checkpoint, stored, copy);
  if (!changed.includes(false)) return { ...same, checkpoint: apart };
  const ends = [names.embed_tokens, names.lm_head[0]];
  const [one, other] = changed[0] ? ends : ends.toReversed();
  const factors = adapter.factors.some(({ module }) => isModule(module, one));
  const merging = factors ? " (PEFT's merge_and_unload changes both)" : '';
  const note = `The adapter changes ${one} and not ${other}, which is the same matrix in the base model: they are two here, as where PEFT runs the adapter${merging}.`;
  return { checkpoint: apart, config: { ...config, tie_word_embeddings: false }, notes: [note] };
}

const isModule = (path: string, module: string) => path === module || path.endsWith(`.${module}`);

function isChanged({ factors, whole }: Adapter, modules: readonly string[]): boolean {
  const paths = [
    ...factors.map(({ module }) => module),
    ...[...whole.keys()].map((name) => name.replace(/\.weight$/, '')),
  ];
  return modules.some((module) => paths.some((path) => isModule(path, module)));
}

/** Its name in the checkpoint, whatever stands before it. */
function findEnd({ tensors }: Checkpoint, modules: readonly string[]): string | undefined {
  return [...tensors.keys()].find((name) => modules.some((module) => isModule(name, `${module}.weight`)));
}

function headOf(embedding: string, { prefixes, embed_tokens, lm_head }: WeightNames): string {
  const table = `${embed_tokens}.weight`;
  const own = prefixes.filter((prefix) => isModule(`.${embedding}`, prefix + table)).map(({ length }) => length);
  const outer = embedding.slice(0, embedding.length - table.length - Math.max(0, ...own));
  return `${outer}${lm_head[0]}.weight`;
}

function embeddingOf({ tensors }: Checkpoint, head: string, names: WeightNames): string {
  const { prefixes, embed_tokens, layers, lm_head } = names;
  const own = lm_head.filter((module) => isModule(head, `${module}.weight`)).map(({ length }) => length);
  const outer = head.slice(0, head.length - '.weight'.length - Math.max(...own));
  const isPrefix = (prefix: string) =>
    [...tensors.keys()].some((name) => name.startsWith(`${outer}${prefix}${layers}0.`));
  return `${outer}${prefixes.find(isPrefix) ?? prefixes[0]}${embed_tokens}.weight`;
}

function withCopy(checkpoint: Checkpoint, stored: string, copy: string): Checkpoint {
  const info = checkpoint.tensors.get(stored)!;
  return {
    ...checkpoint,
    tensors: new Map([...checkpoint.tensors, [copy, { ...info, name: copy }]]),
    read: (name, rows) => checkpoint.read(name === copy ? stored : name, rows),
  };
}
