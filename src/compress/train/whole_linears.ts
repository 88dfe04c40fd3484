/** @file Whole weights of all linears in the place of adapters: what papers with large machines train. */
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { Rounding } from '../../runtime/backward/rounding.ts';
import type { TrainedLinears } from '../../runtime/backward/trained.ts';
import { type TrainedWeight, trainedWeight } from '../../runtime/backward/trained_weight.ts';
import { WeightLoader } from '../../runtime/weights.ts';
import { numberOr } from '../options/fields.ts';
import { linearPlaces } from './linears.ts';

/** All of them are on the device at once, with their gradients and moments. None may be packed. @param rounding Before they multiply. */
export async function wholeLinears(arena: Arena, model: DecoderModel, rounding?: Rounding): Promise<TrainedLinears> {
  const loader = new WeightLoader(arena);
  const trained = new Map<WeightRef, TrainedWeight>();
  for (const { weight } of linearPlaces(model)) {
    if (trained.has(weight)) continue;
    trained.set(weight, trainedWeight(arena, await loader.load(weight), rounding));
  }
  return trained;
}

/** Of methods that train whole weights too. */
export const rankOrFull = (value: number | 'full') =>
  numberOr(
    {
      label: 'Rank',
      help: 'full: every weight is trained, as in the paper, which holds four numbers for each. A number: low-rank adapters in their place.',
    },
    ['full'],
    { min: 1, max: 1024, value, whole: true },
  );
