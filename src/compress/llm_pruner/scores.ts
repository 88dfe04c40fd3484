/** @file What LLM-Pruner's groups are worth by gradients (arXiv 2305.11627, §3.2). */
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { type HalfName, inputLinears, linearOf, outputLinear } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import { unitCount } from '../width/shapes.ts';
import { layerGradients, type WeightGradient } from './layer_gradients.ts';

export type Score = 'taylor' | 'fisher';
/** Whether the parts of a row (or column) may make up for each other. */
export type Level = 'element' | 'vector';

/** Of each unit, by half; each layer's in order. */
export type UnitScores = ReadonlyMap<HalfName, readonly Float64Array[]>;

/** Runs the text through the model, once there and once back. @param onProgress Gets the share that is done. */
export async function gradientScores(
  model: DecoderModel,
  { score, level }: { score: Score; level: Level },
  halves: readonly HalfName[],
  context: PassContext,
  onProgress: (fraction: number, layer: number) => void,
): Promise<UnitScores> {
  const scores = new Map<HalfName, Float64Array[]>(halves.map((half) => [half, []]));
  let layer = model.layers.length - 1;
  await layerGradients(
    model,
    context,
    score === 'fisher',
    async (of, gradients) => {
      layer = of.index;
      for (const half of halves) {
        const total = new Float64Array(unitCount(of, half, ({ shape }) => shape[1]));
        for (const name of [...inputLinears(of, half), outputLinear(half)]) {
          const parts = await vectorScores(of, name, gradients.get(name) as WeightGradient, level);
          const width = parts.length / total.length;
          for (let i = 0; i < parts.length; i++) total[Math.floor(i / width)] += parts[i];
        }
        scores.get(half)?.unshift(total);
      }
    },
    (fraction) => onProgress(fraction, layer),
  );
  return scores;
}

/** Of each row, or of each column of what writes: Σ |g·w − F·w²/2|, or the absolute value of the sum. */
async function vectorScores(
  layer: DecoderLayer,
  name: LinearName,
  { mean, squares }: WeightGradient,
  level: Level,
): Promise<Float64Array> {
  const { weight } = linearOf(layer, name);
  const [rows, columns] = weight.shape;
  const W = decodeStored(await weight.read(), weight.dtype);
  const isColumns = name === 'o_proj' || name === 'down_proj';
  const parts = new Float64Array(isColumns ? columns : rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const i = row * columns + column;
      const salience = mean[i] * W[i] - (squares ? 0.5 * squares[i] * W[i] * W[i] : 0);
      parts[isColumns ? column : row] += level === 'element' ? Math.abs(salience) : salience;
    }
  }
  return level === 'element' ? parts : parts.map(Math.abs);
}
