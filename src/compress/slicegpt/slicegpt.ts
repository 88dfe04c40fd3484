/** @file SliceGPT (arXiv 2401.15024): both schedules behind one function. */
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { CompressedModel, CompressionContext } from '../method.ts';
import { applyFusion } from './fuse.ts';
import { assertSliceable } from './permits.ts';
import {
  checkDimensions,
  constantDimensions,
  type Fusion,
  type HeadKind,
  type Schedule,
  sliceDimension,
} from './plan.ts';
import type { RecoverOptions } from './recovery.ts';
import { calibrateDense, type DenseBases, sliceWithBases } from './rotate_once.ts';
import { sliceSequential } from './sequential.ts';
import type { SiteDimensions } from './sites.ts';

export interface SliceGptOptions {
  sparsity: number;
  round: number;
  schedule: Schedule;
  fusion: Fusion;
  head: HeadKind;
  /** Kept dimension of every site, in place of the same one everywhere that `sparsity` and `round` give. */
  dimensions?: SiteDimensions;
  /** For `rotate-once`: the calibration of the same model, fusion and windows, if there is one already. */
  denseBases?: DenseBases;
  /** For `sequential`: shortcuts and output linears are refitted towards the stream of this model. */
  recover?: { options: RecoverOptions; dense: DecoderModel };
}

/** Throws `not_sliceable`, `bad_option`, and what calibration throws. */
export const slicegpt = {
  async compress(model: DecoderModel, options: SliceGptOptions, context: CompressionContext): Promise<CompressedModel> {
    throwIfCancelled(context.signal);
    assertSliceable(model);
    const dimensions = siteDimensions(model.config, model.layers[0].parallel === true, options);
    const fused = applyFusion(model, options.fusion);
    if (options.schedule === 'sequential') {
      const { recover, head, fusion } = options;
      const towards = recover && { ...recover, dense: applyFusion(recover.dense, fusion) };
      return sliceSequential(fused, head, dimensions, context, towards);
    }
    const bases = options.denseBases ?? (await calibrateDense(fused, context));
    return sliceWithBases(fused, options.head, dimensions, bases, context);
  },
};

function siteDimensions(
  { hidden_size, num_hidden_layers }: { hidden_size: number; num_hidden_layers: number },
  parallel: boolean,
  { sparsity, round, head, dimensions }: SliceGptOptions,
): SiteDimensions {
  const shape = { hidden_size, num_hidden_layers, parallel };
  if (!dimensions) return constantDimensions(shape, sliceDimension(hidden_size, sparsity, round), head);
  checkDimensions(shape, dimensions, head);
  return dimensions;
}
