/**
 * @file Where a scale of a linear's inputs can go, so that x·Wᵀ = (x/s)·(W·diag(s))ᵀ costs nothing: into what makes the
 * inputs. AWQ and SmoothQuant use it; `fold_scale.ts` does it.
 */
import type { DecoderLayer, WeightOutline } from '../../models/decoder_model.ts';
import { hasFixedInputs } from '../../models/input_quantization.ts';
import type { LinearName } from '../layerwise_types.ts';

/** What is divided by the scale: a norm's weight and bias, or the rows of a linear and its bias. */
export type ScalePlace = 'input_layernorm' | 'post_attention_layernorm' | 'v_proj' | 'up_proj';

/**
 * Undefined where there is no place: a norm without a weight, or one that others read as well; keys and values that several
 * heads share (v has fewer rows than o has inputs); an activation that a scale does not go through.
 */
export function scalePlace(layer: DecoderLayer<WeightOutline>, name: LinearName): ScalePlace | undefined {
  const { attention, mlp, input_layernorm, post_attention_layernorm } = layer;
  // A fixed grid belongs to the inputs as they are.
  if (hasFixedInputs({ layers: [layer] })) return undefined;
  if (name === 'o_proj') {
    const isShared = attention.num_attention_heads !== attention.num_key_value_heads;
    return isShared || attention.clip_qkv !== undefined ? undefined : 'v_proj';
  }
  if (name === 'down_proj') return mlp.gate_proj || rowPower(layer) !== undefined ? 'up_proj' : undefined;
  if (input_layernorm === post_attention_layernorm) return undefined;
  const place = name === 'gate_proj' || name === 'up_proj' ? 'post_attention_layernorm' : 'input_layernorm';
  return layer[place]?.weight && place;
}

/** p with act(x/sᵖ) = act(x)/s for s > 0, of an MLP without a gate; undefined where there is none. */
export function rowPower({ mlp }: DecoderLayer<WeightOutline>): number | undefined {
  if (mlp.gate_proj || mlp.activation === 'relu') return 1;
  return mlp.activation === 'relu2' ? 0.5 : undefined;
}
