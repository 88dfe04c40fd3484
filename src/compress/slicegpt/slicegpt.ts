/** @file SliceGPT (arXiv 2401.15024) as a {@link CompressionMethod}. */
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { CompressionContext, CompressionMethod } from '../method.ts';
import { applyFusion } from './fuse.ts';
import { constantDimensions, type Fusion, type HeadKind, type Schedule, sliceDimension } from './plan.ts';
import { calibrateDense, type DenseBases, sliceWithBases } from './rotate_once.ts';
import { sliceSequential } from './sequential.ts';

export { constantDimensions };

export interface SliceGptOptions {
  sparsity: number;
  round: number;
  schedule: Schedule;
  fusion: Fusion;
  head: HeadKind;
  /** For `rotate-once`: the calibration of the same model, fusion and windows, if there is one already. */
  denseBases?: DenseBases;
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
