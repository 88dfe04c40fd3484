/** @file The adapters of a training as it ended, kept beside the weights that they were merged into: what an export of the adapter alone is made of. */
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import type { LinearFactors, LowRankAdapter } from '../../models/low_rank.ts';
import { type ScratchStore, scratchWeight } from '../../models/scratch.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { TrainedLinears } from '../../runtime/backward/trained.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { Learning } from './learning.ts';
import type { Trainable } from './linears.ts';
import type { TrainingReport } from './report.ts';

/** The model before the step, with factors in F32 that make it the model that was trained. */
export interface TrainedAdapter extends LowRankAdapter {
  /** The linears of the base were held in NF4 while it learnt, and the factors are of those numbers. */
  readonly base_form?: 'nf4';
}

/** For its report. */
export function factsOf({ rank, alpha, factors }: TrainedAdapter): NonNullable<TrainingReport['adapter']> {
  const parameters = factors.reduce((sum, { A, B }) => sum + elementCount(A.shape) + elementCount(B.shape), 0);
  return { rank, alpha, linears: factors.length, parameters };
}

/** In the place of an adapter of zeros. */
export const NOTHING_BETTER = 'The training made nothing better, so there is nothing to export alone.';

/** Why base + B·A is not the model that a training made, in a sentence; undefined where it is. */
export function noAdapter(
  { adapters, whole }: Trainable,
  { hold, cacheLevels }: Pick<Learning, 'hold' | 'cacheLevels'>,
): string | undefined {
  if (hold)
    return 'What was learnt was rounded together with the weights, so the model is not its base with factors added.';
  if (cacheLevels !== undefined) return 'It was trained with a rounded cache, which an adapter does not tell.';
  if (whole.size > 0)
    return 'Norms or shortcuts were trained whole, which factors of linears do not hold: train with norms=false and shortcuts=false.';
  for (const trained of adapters.values()) {
    if (trained.kind === 'scales') return 'Scales were trained, and no factors.';
    if (trained.kind === 'whole') return 'Whole weights were trained, and no factors.';
    if (trained.mask)
      return 'Pruned weights stay zero through a mask, which an adapter in PEFT’s layout does not have.';
    if (trained.rounding)
      return 'It was trained through the rounding of integers: unrounded, base and factors are another model than the one that was measured.';
  }
  return adapters.size === 0 ? 'No linear was trained.' : undefined;
}

/** Of a training that {@link noAdapter} says nothing against, as it stands now. */
export async function keptAdapter(
  arena: Arena,
  base: DecoderModel,
  adapters: TrainedLinears,
  scratch: ScratchStore,
): Promise<TrainedAdapter> {
  const [first] = adapters.values();
  if (first?.kind !== 'low_rank') throw new RangeError('nothing low-rank was trained');
  const rank = first.A.shape[0];
  return { base, rank, alpha: first.scale * rank, factors: await keptFactors(arena, adapters, scratch) };
}

/** The factors as they are now. All adapters are low-rank. */
export async function keptFactors(
  arena: Arena,
  adapters: TrainedLinears,
  scratch: ScratchStore,
): Promise<LinearFactors[]> {
  const kept: LinearFactors[] = [];
  for (const [weight, trained] of adapters) {
    if (trained.kind !== 'low_rank') throw new RangeError(`${weight.name} has no factors`);
    const stored = async (part: 'A' | 'B'): Promise<WeightRef> => {
      const { shape } = trained[part];
      const slot = await scratch.append(encodeFromFloat(await arena.backend.read(trained[part]), 'F32'));
      return scratchWeight(`${weight.name}.${part}`, 'F32', shape, [{ rows: { start: 0, end: shape[0] }, slot }]);
    };
    kept.push({ weight, A: await stored('A'), B: await stored('B') });
  }
  return kept;
}
