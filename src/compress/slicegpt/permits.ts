/**
 * @file Which models SliceGPT may rotate. ARCHITECTURE.md has the proofs: a layer permits it when everything that reads
 * the residual stream is a norm followed by linears, and everything that writes into it is a linear.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderLayer, ModelOutline, WeightOutline } from '../../models/decoder_model.ts';

export interface Refusal {
  /** For people, one sentence: why this model cannot be sliced. */
  reason: string;
  layer?: number;
}

/** Why a model cannot be rotated and sliced; `undefined` where it can. Reads structure only. */
export function slicingRefusal(model: ModelOutline): Refusal | undefined {
  if (isSliced(model))
    return { reason: 'The model is sliced already: its layers carry shortcuts of an earlier basis.' };
  for (const layer of model.layers) {
    const reason = layerRefusal(layer);
    if (reason) return { reason, layer: layer.index };
  }
  return undefined;
}

/** True for what a slicing made: shortcuts, or a projection beside the embedding or the head. */
export function isSliced(model: ModelOutline): boolean {
  const hasShortcut = model.layers.some((layer) => layer.attn_shortcut_Q || layer.mlp_shortcut_Q);
  return hasShortcut || model.embed_tokens.projection !== undefined || model.lm_head.projection !== undefined;
}

function layerRefusal(layer: DecoderLayer<WeightOutline>): string | undefined {
  if (layer.attention_output_norm || layer.mlp_output_norm) {
    return (
      'Its layers norm what they add to the residual stream. The scale of that norm acts on single channels, so it ' +
      'cannot be moved into the linears behind it, and no rotation of the stream leaves the model as it is.'
    );
  }
  if (!layer.input_layernorm || !layer.post_attention_layernorm) {
    return 'Its layers read the residual stream without a norm before them, which the method relies on.';
  }
  return undefined;
}

/** Throws `not_sliceable`. */
export function assertSliceable(model: ModelOutline): void {
  const refusal = slicingRefusal(model);
  if (!refusal) return;
  throw new WhittleError({
    code: 'not_sliceable',
    message: `${model.config.architecture} cannot be sliced by SliceGPT. ${refusal.reason}`,
    place: refusal.layer === undefined ? {} : { layer: refusal.layer },
    allowed: 'decoders whose layers norm only what they read',
    action: 'It can be inspected, evaluated and exported as it is; to slice, open another model.',
  });
}
