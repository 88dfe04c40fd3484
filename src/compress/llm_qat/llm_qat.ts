/**
 * @file LLM-QAT (arXiv 2305.17888): quantisation-aware training without data. The dense model writes the training text and is the teacher; weights
 * are rounded by output row, what linears read and the cache of keys and values by token, and gradients pass straight through.
 */
import * as v from 'valibot';
import type { DecoderModel, WeightOutline } from '../../models/decoder_model.ts';
import type { InputQuantization } from '../../models/input_quantization.ts';
import { type Grouped, INT8_ROW, packingLabel } from '../../models/packed/packing.ts';
import type { Rounding } from '../../runtime/backward/rounding.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { layerLinears, linearOf, withWeights } from '../layerwise/half.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice, number } from '../options/fields.ts';
import { BITS } from '../options/integers.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import { symmetricGroups } from '../solvers/symmetric_groups.ts';
import type { Learning } from '../train/learning.ts';
import { linearPlaces } from '../train/linears.ts';
import { seededAdapters } from '../train/low_rank.ts';
import { adapterMemory, memoryOfTraining } from '../train/memory.ts';
import { alphaOf, BATCH, lrOf, SEED, STEPS, type StepOptions } from '../train/options.ts';
import { heldOut } from '../train/schedule.ts';
import { BETA, type DivergenceOptions, LOSS, towardsDense } from '../train/teacher.ts';
import { assertWindows, PREPARING, trained } from '../train/train.ts';
import { rankOrFull, wholeLinears } from '../train/whole_linears.ts';
import { ownText } from './own_text.ts';

export interface Options extends StepOptions, DivergenceOptions {
  readonly bits: Grouped['bits'];
  readonly inputs: 8 | 16;
  readonly cache: 4 | 8 | 16;
  readonly text: 'own' | 'calibration';
  readonly windows: number;
  readonly rank: number | 'full';
  readonly alpha: number;
}

export const llmQat: Method<Options> = {
  name: 'llm_qat',
  about: {
    label: 'LLM-QAT',
    paper: 'arXiv 2305.17888',
    group: 'train',
    help: 'Trains the weights through their own rounding, and through that of activations and of the cache of keys and values, to predict as the dense model does on text that this model writes itself. For 8-bit and 4-bit weights with a scale a row, which do badly when they are only rounded.',
  },
  options: v.strictObject({
    bits: BITS,
    inputs: choice(
      { label: 'Inputs', help: 'Bits of what linears read, a scale a token. 16: floats.', unit: 'bits' },
      [8, 16],
      8,
    ),
    cache: choice(
      {
        label: 'Cache',
        help: 'Bits of keys and values while it trains, a scale a token. 16: floats. Files leave the cache to what runs them.',
        unit: 'bits',
      },
      [4, 8, 16],
      8,
    ),
    text: choice(
      {
        label: 'Text',
        help: 'own: the dense model writes what is trained on. calibration: the calibration text. Held-out windows are of that text either way.',
      },
      ['own', 'calibration'],
      'own',
    ),
    windows: number(
      {
        label: 'Windows',
        help: 'Of the model’s own text, each as long as a calibration window. Writing them takes most of the time on slow devices.',
        unit: 'windows',
      },
      { min: 1, max: 100000, value: 32, whole: true },
    ),
    rank: rankOrFull('full'),
    ...{ alpha: alphaOf(16), loss: LOSS, beta: BETA, steps: STEPS, lr: lrOf(1e-4), batch: BATCH, seed: SEED },
  }),
  refusal(model) {
    const packed = linearPlaces(model).find(({ weight }) => weight.packed)?.weight.packed;
    if (!packed) return undefined;
    return `some of its linears are packed as ${packingLabel(packed)}, and it trains plain weights towards their own rounding. Train what is packed with heal or peqa, or put llm_qat in the place of the step that packs`;
  },
  plan: (model, options) => planLinears(model, () => packingOf(options), inputOf(options)),
  memory: (model, options, plan) => memoryOfTraining(model, options, plan, (weight) => memoryOf(weight, options)),
  run,
};

/** A scale a row, symmetric. Fewer bits than 8 have their zero at the middle code, which is what formats hold. */
function packingOf({ bits }: Options): Grouped {
  return bits === 8 ? INT8_ROW : { kind: 'grouped', bits, group: 'row', zero: 'integer', scale: 'F16' };
}

function inputOf({ inputs }: Options): InputQuantization | undefined {
  return inputs === 16 ? undefined : { kind: 'token', bits: inputs };
}

function memoryOf(weight: WeightOutline, { rank }: Options) {
  const [rows, columns] = weight.shape;
  return rank === 'full' ? { trained: [rows * columns] } : { ...adapterMemory(weight, rank), isTwice: true };
}

async function run(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const { calibration } = context;
  assertWindows(calibration.count);
  const windows = options.text === 'own' ? await withOwnText(options, context) : calibration;
  const job = { ...context, calibration: windows };
  return towardsDense(options, job, (objective) =>
    trained(roundedInputs(model, options), options, job, objective, learning(options)),
  );
}

/** The model's own text to train on, the end of the calibration text to be measured on. */
async function withOwnText(options: Options, context: PassContext): Promise<TokenWindows> {
  const { backend, calibration, dense, signal, observer } = context;
  const { seqlen, count } = calibration;
  const own = await ownText(backend, dense, calibration, {
    ...{ windows: options.windows, seed: options.seed, signal },
    onProgress: (fraction) =>
      observer.onProgress({ fraction: PREPARING * fraction, step: 'text of the dense model', tokens: 0 }),
  });
  // As many as a training holds out of all of them.
  let held = heldOut(own.count + heldOut(count));
  while (heldOut(own.count + held) !== held) held++;
  const last = Math.min(held, count);
  const ids = new Uint32Array((own.count + held) * seqlen);
  ids.set(own.ids);
  for (let i = 0; i < held; i++) {
    const from = count - last + (i % last);
    ids.set(calibration.ids.subarray(from * seqlen, (from + 1) * seqlen), (own.count + i) * seqlen);
  }
  return { ...own, count: own.count + held, ids };
}

function roundedInputs(model: DecoderModel, options: Options): DecoderModel {
  const input = inputOf(options);
  if (!input) return model;
  const layers = model.layers.map((layer) => {
    const names = layerLinears(layer);
    const weights = new Map(names.map((name) => [name, linearOf(layer, name).weight]));
    return withWeights(layer, weights, new Map(names.map((name) => [name, input])));
  });
  return { ...model, layers };
}

function learning(options: Options): Learning {
  const { rank, bits, cache } = options;
  const levels = 2 ** (bits - 1) - 1;
  const rounding: Rounding = { kind: 'rows', levels };
  return {
    async linears(arena, model) {
      if (rank !== 'full') return seededAdapters(arena, model, { ...options, rank }, rounding);
      return wholeLinears(arena, model, rounding);
    },
    hold({ shape: [rows, columns] }, values) {
      const packing = packingOf(options);
      if (packing.zero === 'symmetric') return nearestValues(values, rows, columns, packing);
      const { codes, scales } = symmetricGroups(values, rows, columns, packing);
      const zero = levels + 1;
      // A byte of two's complement, moved so that its least code is 1.
      const moved = new Uint8Array(codes.buffer).map((code) => code + zero);
      return { packing, rows, columns, codes: moved, scales, zeros: new Float64Array(rows).fill(zero) };
    },
    ...(cache !== 16 && { cacheLevels: 2 ** (cache - 1) - 1 }),
    notes: [
      ...(cache === 16
        ? []
        : [
            `Keys and values were rounded to ${cache} bits a token while it trained and in these losses. Files have no place for that: it is for runtimes that hold their cache so, and the run's perplexity is measured without.`,
          ]),
    ],
  };
}
