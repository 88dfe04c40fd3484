/**
 * @file Where activations first stop being numbers. Run only when a loss came out as none: one window goes through the model
 * once more, and every tapped activation is counted by its bits, because a shader may assume that NaN does not exist (WGSL,
 * §Floating Point Evaluation).
 */
import type { Backend, Tensor } from '../backend/backend.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { withArena } from './arena.ts';
import type { TapName } from './forward.ts';
import { runLayersOver } from './model_pass.ts';
import { BatchStates } from './spill.ts';
import { WeightLoader } from './weights.ts';
import type { TokenWindows } from './windows.ts';

export interface NonFinitePlace {
  /** Absent for the embedding. */
  layer?: number;
  /** For people: "the MLP input". */
  name: string;
  /** Of the window, from 0. */
  token: number;
  channel: number;
}

const NAMES: Record<TapName | 'output', string> = {
  residual: 'the input',
  attention_input: 'the normed attention input',
  o_proj_input: 'the mixed values of its attention',
  mlp_residual: 'the output of its attention',
  mlp_input: 'the normed MLP input',
  down_proj_input: 'the activated values of its MLP',
  output: 'the output of its MLP',
};

/** Enough for the taps of a layer and its output. */
const MOST_TAPS = Object.keys(NAMES).length;

class Found extends Error {
  constructor(readonly place: NonFinitePlace) {
    super('A place was found; the rest of the pass is not needed.');
  }
}

/** @param window Index of a window. Undefined where all activations of the layers are finite: then it is in the head. */
export async function locateNonFinite(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  window: number,
  signal?: AbortSignal,
): Promise<NonFinitePlace | undefined> {
  return withArena(backend, async (arena) => {
    const states = new BatchStates(arena);
    let seen: { name: TapName | 'output'; copy: Tensor }[] = [];
    let counts = arena.own(backend.emptyIds(MOST_TAPS, 'non_finite_counts'));
    const look = (name: TapName | 'output', tensor: Tensor) => {
      // A tap's tensor is overwritten by what follows it.
      const copy = arena.empty(tensor.shape, `copy of ${name}`);
      backend.copy(tensor, copy);
      backend.count_non_finite({ tensor: copy, counts, index: seen.length });
      seen.push({ name, copy });
    };
    const onLayer = async (layer: number) => {
      const hidden = await states.take(0);
      look('output', hidden);
      await states.put(0, hidden);
      const found = await backend.read(counts);
      const first = seen.findIndex((_, index) => found[index] > 0);
      if (first >= 0)
        throw new Found(placeOf(layer, seen[first].name, seen[first].copy, await backend.read(seen[first].copy)));
      arena.free(counts, ...seen.map(({ copy }) => copy));
      seen = [];
      counts = arena.own(backend.emptyIds(MOST_TAPS, 'non_finite_counts'));
    };
    const observer = { onTap: (_: number, name: TapName, tensor: Tensor) => look(name, tensor), onLayer };
    const batches = [{ first: window, count: 1 }];
    try {
      await runLayersOver(arena, new WeightLoader(arena), model, windows, batches, states, observer, signal);
    } catch (thrown) {
      if (thrown instanceof Found) return thrown.place;
      throw thrown;
    }
    return undefined;
  });
}

function placeOf(
  layer: number,
  name: TapName | 'output',
  { shape }: Tensor,
  values: ArrayLike<number>,
): NonFinitePlace {
  const columns = shape[1];
  const at = Array.from({ length: values.length }, (_, i) => i).find((i) => !Number.isFinite(values[i])) ?? 0;
  const place = { token: Math.floor(at / columns), channel: at % columns };
  // What enters the first layer is the embedding; what enters another was seen as the output of the one before.
  return name === 'residual' && layer === 0
    ? { name: 'the embedding', ...place }
    : { layer, name: NAMES[name], ...place };
}
