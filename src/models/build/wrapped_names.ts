/**
 * @file Names that a wrapper has lengthened: torch.compile (`_orig_mod.`), DataParallel (`module.`), FSDP, PEFT
 * (`base_model.model.`), a class that holds the model in an attribute (`model.model.`). The checkpoint under the family's
 * own names.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint, TensorInfo } from '../../formats/checkpoint.ts';
import type { WeightNames } from '../architecture.ts';

/** Segments that wrappers put anywhere in a name, also several at a place; no family has a module of such a name. */
const WRAPPERS = /(^|\.)(?:(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.)+/g;

export interface Unwrapped {
  readonly checkpoint: Checkpoint;
  /** For people. */
  readonly notes: readonly string[];
}

/** Throws `not_a_model` where two models of the family lie in one checkpoint. */
export function unwrapNames(checkpoint: Checkpoint, names: WeightNames): Unwrapped {
  const inner = renamed(checkpoint, (name) => name.replace(WRAPPERS, '$1'));
  const notes =
    inner === checkpoint ? [] : ['Segments that torch wrappers put into the names of weights are left out.'];
  const outer = outerPrefix(inner, names);
  if (outer === '') return { checkpoint: inner, notes };
  const bare = renamed(inner, (name) => (name.startsWith(outer) ? name.slice(outer.length) : name));
  if (bare === inner) return { checkpoint: inner, notes };
  return { checkpoint: bare, notes: [...notes, `Names of weights begin with "${outer}", which is left out.`] };
}

/** What stands before the family's own prefix. The first layer shows it, because every family has one. */
function outerPrefix(checkpoint: Checkpoint, { prefixes, layers, layer }: WeightNames): string {
  const first = `${layers}0.${layer.o_proj}.`;
  const longest = [...prefixes].sort((a, b) => b.length - a.length);
  const found = new Map<string, string>();
  for (const name of checkpoint.tensors.keys()) {
    const prefix = longest.find((tried) => startOf(name, tried + first) !== undefined);
    if (prefix === undefined) continue;
    const outer = startOf(name, prefix + first)!;
    if (outer === '') return '';
    found.set(outer, name);
  }
  if (found.size <= 1) return [...found.keys()][0] ?? '';
  const [a, b] = [...found.keys()].map((outer) => JSON.stringify(outer));
  const [, second] = [...found.values()];
  throw new WhittleError({
    code: 'not_a_model',
    message: `The weights hold several models: names begin with ${a} and with ${b}.`,
    place: { file: checkpoint.tensors.get(second)?.file, tensor: second },
    allowed: 'one model in a checkpoint',
    action: 'Save the language model alone (model.save_pretrained of the inner model), and open that.',
  });
}

/** What stands before `part` in a name, where that is empty or ends with a dot. */
function startOf(name: string, part: string): string | undefined {
  const at = name.indexOf(part);
  return at === 0 || (at > 0 && name[at - 1] === '.') ? name.slice(0, at) : undefined;
}

/** The same checkpoint where nothing changes, or where two tensors would get one name. */
export function renamed(checkpoint: Checkpoint, rename: (name: string) => string): Checkpoint {
  const tensors = new Map<string, TensorInfo>();
  const stored = new Map<string, string>();
  let changed = false;
  for (const [name, info] of checkpoint.tensors) {
    const now = rename(name);
    if (tensors.has(now)) return checkpoint;
    tensors.set(now, now === name ? info : { ...info, name: now });
    stored.set(now, name);
    changed ||= now !== name;
  }
  if (!changed) return checkpoint;
  return { ...checkpoint, tensors, read: (name, rows) => checkpoint.read(stored.get(name) ?? name, rows) };
}
