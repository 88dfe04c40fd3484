/**
 * @file The weights of a canonical model under the names and in the layout of its family: what `build_model.ts` does,
 * turned round. The family's descriptor builds a model of weights that are not there; each of them says by its views which
 * rows of which stored tensor it is, and that is read backwards. So a new family needs nothing here.
 */
import type { Shape } from '../tensor/shape.ts';
import type { Architecture, DecoderConfig } from './architecture.ts';
import { chooseNames } from './build/choose_names.ts';
import { WeightPicker } from './build/weight_picker.ts';
import { buildDecoderModel } from './build_model.ts';
import type { DecoderModel, WeightRef } from './decoder_model.ts';
import { describeModel } from './sliced/describe.ts';
import { weightNames } from './sliced/weight_names.ts';
import { mergedRows, transposedRef, viewOf } from './weight_views.ts';

/**
 * Every stored tensor with its name, or undefined where the family under this config is another model than the given one:
 * a sliced one, or one whose parts were changed. Reads no weight.
 * @throws What {@link buildDecoderModel} throws.
 */
export function storedLayout(
  architecture: Architecture,
  config: DecoderConfig,
  model: DecoderModel,
): Map<WeightRef, string> | undefined {
  const silent = model.layers.some(({ mlp: { xielu } }) => xielu && !(xielu.beta && xielu.eps));
  const empty = new EmptyPicker(headNames(architecture, config), silent);
  const { model: blank } = buildDecoderModel(architecture, config, NOTHING, empty);
  const [places, blanks] = [weightNames(model), weightNames(blank)];
  if (described(model, places) !== described(blank, blanks)) return undefined;
  const weights = new Map([...places].map(([ref, place]) => [place, ref]));
  // The config has one size for all layers: pruned ones may differ.
  const fits = ([ref, place]: [WeightRef, string]) => sameShape(ref.shape, weights.get(place)?.shape);
  if (![...blanks].every(fits)) return undefined;
  const stored = new Map<WeightRef, Stored>();
  for (const [ref, place] of blanks) follow(ref, weights.get(place)!, stored);
  const found = new Map<WeightRef, string>();
  for (const ref of empty.roots.values()) {
    const weight = assembled(ref, stored);
    if (!weight) return undefined;
    const form = empty.forms.get(ref.name);
    found.set(form ? { ...weight, shape: form } : weight, ref.name);
  }
  return found;
}

function sameShape(a: Shape, b: Shape | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((size, i) => size === b[i]);
}

/** The structure as text. How the config calls itself is no part of it: Gemma 3 alone has other names than with vision. */
function described(model: DecoderModel, names: ReadonlyMap<WeightRef, string>): string {
  const { config, ...rest } = describeModel(model, names);
  return JSON.stringify({ ...rest, config: { ...config, model_type: '', architecture: '' } });
}

function headNames(architecture: Architecture, config: DecoderConfig): string[] {
  const { lm_head } = chooseNames(architecture, config, NOTHING);
  return config.tie_word_embeddings ? lm_head.map((name) => `${name}.weight`) : [];
}

/** What is known of a weight that is not there: the real one, or the views of it that are real. */
interface Stored {
  weight?: WeightRef;
  readonly views: Set<WeightRef>;
}

function follow(ref: WeightRef, weight: WeightRef | undefined, stored: Map<WeightRef, Stored>): void {
  const known = stored.get(ref) ?? { views: new Set() };
  if (weight) known.weight = weight;
  stored.set(ref, known);
  const view = viewOf(ref);
  if (!view) return;
  follow(view.of, undefined, stored);
  stored.get(view.of)!.views.add(ref);
}

function assembled(ref: WeightRef, stored: ReadonlyMap<WeightRef, Stored>): WeightRef | undefined {
  const { weight, views } = stored.get(ref) ?? { views: new Set() };
  if (weight) return weight;
  const parts = [...views].map((view) => ({ made: viewOf(view)!, ref: assembled(view, stored) }));
  const [first] = parts;
  if (!first || parts.some((part) => !part.ref)) return undefined;
  if (first.made.kind === 'transposed') return parts.length === 1 ? transposedRef(first.ref!, ref.name) : undefined;
  const rows = parts.flatMap((part) =>
    part.made.kind === 'rows' ? [{ ref: part.ref!, target: part.made.source }] : [],
  );
  const merged = mergedRows(rows, ref.name);
  return merged.shape[0] === ref.shape[0] ? merged : undefined;
}

const NOTHING = {
  tensors: new Map(),
  bytes: 0,
  read(): never {
    throw new RangeError('A layout holds no weights.');
  },
};

/** Hands out a weight of the expected shape for every name but those of a head that is the embedding's table. */
class EmptyPicker extends WeightPicker {
  readonly roots = new Map<string, WeightRef>();
  /** How single numbers are stored. */
  readonly forms = new Map<string, Shape>();

  /** @param silent The constants of activations are not stored. */
  constructor(
    private readonly absent: readonly string[],
    private readonly silent: boolean,
  ) {
    super(NOTHING);
  }

  override has(name: string): boolean {
    return !this.absent.includes(name) && !(this.silent && /\.(beta|eps)$/.test(name));
  }

  override takeNumber(name: string, form: Shape): WeightRef {
    this.forms.set(name, form);
    return this.take(name, [1]);
  }

  override take(name: string, shape: Shape): WeightRef {
    const ref = this.roots.get(name) ?? { name, shape, dtype: 'F32', read: NOTHING.read };
    this.roots.set(name, ref);
    return ref;
  }

  override unused(): string[] {
    return [];
  }
}
