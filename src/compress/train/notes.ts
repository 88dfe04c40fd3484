/** @file What a person should know of a training, in sentences. */
import type { WeightOutline } from '../../models/decoder_model.ts';
import { packingLabel } from '../../models/packed/packing.ts';
import type { TrainingPoint } from './report.ts';

export interface Ended {
  readonly curve: readonly TrainingPoint[];
  /** Steps that were taken, of those asked for, and the one whose weights were kept. */
  readonly taken: number;
  readonly steps: number;
  readonly best: number;
  /** Held-out loss of the stored weights. */
  readonly stored: number;
  /** Adapters were trained through the rounding of integers. */
  readonly isPacked: boolean;
  /** The result was kept. */
  readonly isKept: boolean;
  /** Linears that were not trained. */
  readonly frozen: readonly { readonly path: string; readonly weight: WeightOutline }[];
}

/** Held-out losses closer than this are alike. */
const ALIKE = 0.005;

export function notesOf(ended: Ended): string[] {
  const { curve, taken, steps, best, frozen, isPacked, isKept, stored } = ended;
  const notes: string[] = [];
  const [first, last] = [curve[0], curve[curve.length - 1]];
  const bestPoint = curve.find(({ step }) => step === best) ?? first;
  const rise = last.held_out_loss / bestPoint.held_out_loss - 1;
  if (rise > ALIKE) {
    const stop = taken < steps ? ` Training stopped there, of ${steps} steps.` : '';
    notes.push(
      `Over-fitting: the held-out loss was lowest at step ${best} and ${(100 * rise).toFixed(1)} % higher at step ${taken}: by then the model was learning its training windows, not the language. The weights of step ${best} are kept.${stop} More text (more calibration windows), fewer steps or a lower rate help.`,
    );
  }
  const isFlat = curve.every(({ held_out_loss }) => held_out_loss === first.held_out_loss);
  if (isPacked && isFlat) {
    notes.push(
      'No step moved a weight as far as the next number of its grid: the weights are those that came in. A higher rate or more steps move them; peqa trains the scales of the grid instead.',
    );
  } else if (best === 0 && !(rise > ALIKE)) {
    notes.push('Training made nothing better: the weights are those that came in.');
  }
  if (isKept && stored > (1 + ALIKE) * bestPoint.held_out_loss) {
    notes.push(
      `Rounded as it is stored, the held-out loss is ${stored.toFixed(4)} (${bestPoint.held_out_loss.toFixed(4)} before rounding, ${first.held_out_loss.toFixed(4)} before training).`,
    );
  }
  if (!isKept) {
    notes.push(
      `What was learnt is lost as it is rounded to be stored: the held-out loss is ${stored.toFixed(4)} then, against ${first.held_out_loss.toFixed(4)} before. The weights are those that came in, in the form that was asked for.`,
    );
  }
  if (frozen.length > 0) {
    const kinds = new Set(frozen.map(({ weight }) => (weight.packed ? packingLabel(weight.packed) : weight.dtype)));
    notes.push(
      `${frozen.length} linears were left as they are, because their form takes nothing that is learnt (${[...kinds].slice(0, 3).join(', ')}): ${frozen[0].path}${frozen.length > 1 ? ' …' : ''}.`,
    );
  }
  return notes;
}
