/**
 * @file What fusion changes in the model before it is rotated (SliceGPT §3.2). Folding a norm's weight into the linears
 * that read it happens on the fly, when a layer is rotated; this file holds the rest.
 */
import type { DecoderModel, Norm } from '../../models/decoder_model.ts';
import type { Fusion } from './plan.ts';

/** The official code's eps, whatever the model's own. */
const OFFICIAL_EPS = 1e-5;

/**
 * `exact` leaves an RMSNorm model as it is. `official` subtracts from each embedding its mean over the hidden axis, which
 * is no invariance for RMSNorm models, and puts eps 1e-5 into every norm, as `fuse_modules` of the official code does.
 */
export function applyFusion(model: DecoderModel, fusion: Fusion): DecoderModel {
  if (fusion === 'exact') return model;
  const norm = (from: Norm): Norm => ({ ...from, eps: OFFICIAL_EPS });
  return {
    ...model,
    embed_tokens: { ...model.embed_tokens, centered: true },
    layers: model.layers.map((layer) => ({
      ...layer,
      input_layernorm: norm(layer.input_layernorm),
      post_attention_layernorm: norm(layer.post_attention_layernorm),
    })),
    norm: norm(model.norm),
  };
}

/** What a norm becomes once its weight has moved into the linears: the scale-free RMSN. */
export function scaleFree(norm: Norm): Norm {
  return { kind: norm.kind, eps: norm.eps, normalized_size: norm.normalized_size };
}
