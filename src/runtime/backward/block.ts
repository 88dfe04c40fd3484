/**
 * @file One layer held to what it should put out, without the layers behind it: the loss is the mean over tokens of
 * ‖y − t‖² / ‖t‖², the share of the stream that is missing, so that tokens with huge states count as any other.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import type { DeviceLayer } from '../weights.ts';
import type { BackwardContext } from './context.ts';
import { layerBackward, layerForward, layerOutput } from './layer.ts';

/** Of some rows; both tensors are (rows, d), and the arena's. */
export interface BlockTarget {
  /** −t. */
  readonly negated: Tensor;
  /** 2 / (‖t‖² · all rows of the mean), the same along a row. */
  readonly weights: Tensor;
}

/** @param values t, (rows, width) row-major. @param total Rows that the mean is taken over. */
export function blockTarget(arena: Arena, values: ArrayLike<number>, width: number, total: number): BlockTarget {
  const rows = values.length / width;
  const negated = new Float64Array(values.length);
  const weights = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      negated[i] = -values[i];
      squares += values[i] * values[i];
    }
    // A row of zeros has no direction to be held to.
    weights.fill(squares > 0 ? 2 / (squares * total) : 0, row * width, (row + 1) * width);
  }
  const make = (numbers: Float64Array, label: string) =>
    arena.own(arena.backend.fromArray(numbers, [rows, width], label));
  return { negated: make(negated, 'block_target'), weights: make(weights, 'block_weights') };
}

/** y ← its gradient, in place. @returns What the rows add to the loss. */
export async function distance(arena: Arena, y: Tensor, { negated, weights }: BlockTarget): Promise<number> {
  const { backend } = arena;
  const difference = arena.workspace('block_difference', y.shape);
  backend.add({ a: y, b: negated, output: difference });
  rowsTimes(arena, difference, weights, y);
  const sums = arena.empty([y.shape[1]], 'block_loss');
  backend.column_sums({ a: y, b: difference, output: sums });
  const values = await backend.read(sums);
  arena.free(sums);
  let loss = 0;
  for (const value of values) loss += 0.5 * value;
  return loss;
}

/** output = states ⊙ weights, which are not negative: then they are their own relu. */
export function rowsTimes(arena: Arena, states: Tensor, weights: Tensor, output: Tensor): void {
  arena.backend.glu({ activation: 'relu', gate: weights, up: states, output });
}

/**
 * Adds the gradients of the layer's trained parts, of one batch.
 * @param x (batch·seqlen, d_in), left as it is.
 * @returns What the batch adds to the loss.
 */
export async function blockGradients(
  context: BackwardContext,
  layer: DecoderLayer,
  weights: DeviceLayer,
  seqlen: number,
  x: Tensor,
  target: BlockTarget,
): Promise<number> {
  const rotary = context.rotations.of(layer.attention.rotary);
  const kept = layerForward(context, layer, weights, rotary, seqlen, x);
  const dy = layerOutput(context, weights, kept, seqlen, x);
  const loss = await distance(context.arena, dy, target);
  context.arena.free(layerBackward(context, layer, weights, rotary, seqlen, x, dy, kept));
  return loss;
}
