/** @file SliceGPT (arXiv 2401.15024) as a {@link CompressionMethod}. */
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { CompressionContext, CompressionMethod } from '../method.ts';
import { applyFusion } from './fuse.ts';
import { type Fusion, type HeadKind, type Schedule, sliceDimension } from './plan.ts';
import { calibrateDense, type DenseBases, sliceWithBases } from './rotate_once.ts';
import { type SiteDimensions, sliceSequential } from './sequential.ts';

export interface SliceGptOptions {
  sparsity: number;
  round: number;
  schedule: Schedule;
  fusion: Fusion;
  head: HeadKind;
  /** For `rotate-once`: the calibration of the same model, fusion and windows, if there is one already. */
  denseBases?: DenseBases;
}

/** The same dimension at every site; the last stays whole unless the head is sliced (slicegpt.md §4, step 4). */
export function constantDimensions(
  layers: number,
  hiddenSize: number,
  dimension: number,
  head: HeadKind,
): SiteDimensions {
  const sites = new Array<number>(2 * layers + 1).fill(dimension);
  sites[2 * layers] = head === 'sliced' ? dimension : hiddenSize;
  return sites;
}

export const slicegpt: CompressionMethod<SliceGptOptions> = {
  name: 'slicegpt',
  async compress(model, options, context: CompressionContext) {
    throwIfCancelled(context.signal);
    const { hidden_size, num_hidden_layers } = model.config;
    const dimension = sliceDimension(hidden_size, options.sparsity, options.round);
    const dimensions = constantDimensions(num_hidden_layers, hidden_size, dimension, options.head);
    const fused = applyFusion(model, options.fusion);
    if (options.schedule === 'sequential') return sliceSequential(fused, options.head, dimensions, context);
    const bases = options.denseBases ?? (await calibrateDense(fused, context));
    return sliceWithBases(fused, options.head, dimensions, bases, context);
  },
};
