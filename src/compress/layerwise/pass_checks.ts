/** @file What stops a pass over the layers: no counterpart in the dense model, another basis, numbers that are none. */
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import type { TapStatistics } from '../../statistics/statistics.ts';
import type { LinearName } from '../layerwise_types.ts';

/** The same layer of the model as it was opened; layers are dropped only by passes that need no dense stream. */
export function denseLayer({ layers }: DecoderModel, model: DecoderModel, index: number): DecoderLayer {
  if (layers.length === model.layers.length) return layers[index];
  throw new WhittleError({
    code: 'bad_option',
    message: `The dense model has ${layers.length} layers and the compressed one ${model.layers.length}: they have no layer by layer counterpart.`,
    place: { field: 'recipe' },
    action: 'Put the steps that need the dense model (correct, gptq with delta) before the one that drops layers.',
  });
}

/** `correct` moves the stream towards the dense one, a cross-Gram compares inputs: they must be the same coordinates. */
export function assertComparable(
  own: DecoderLayer,
  dense: DecoderLayer,
  { isCrossed, isCorrected }: { isCrossed: boolean; isCorrected: boolean },
): void {
  const norms = [own, dense].map(({ input_layernorm: a, post_attention_layernorm: b }) => [a?.weight, b?.weight]);
  if (isCrossed && norms[0].some((weight, i) => weight !== norms[1][i])) {
    throw new WhittleError({
      code: 'bad_option',
      message:
        'A step before this one scaled what the linears read (awq does), so that it cannot be compared with what they read in the dense model.',
      place: { field: 'recipe', layer: own.index },
      action: 'Leave out delta, or put the step that scales behind it.',
    });
  }
  const inputs = (layer: DecoderLayer) =>
    [layer.attention.o_proj, layer.mlp.down_proj].map(({ weight }) => weight.shape[1]);
  if (isCrossed && inputs(own).some((size, i) => size !== inputs(dense)[i])) {
    throw new WhittleError({
      code: 'bad_option',
      message:
        'A step before this one removed heads or channels (width does), so that what o_proj and down_proj read cannot be compared with what they read in the dense model.',
      place: { field: 'recipe', layer: own.index },
      action: 'Leave out delta; correct works on such a model.',
    });
  }
  const [d, D] = [own, dense].map(({ mlp }) => mlp.down_proj.weight.shape[0]);
  const isSame = own.attn_shortcut_Q === dense.attn_shortcut_Q && own.mlp_shortcut_Q === dense.mlp_shortcut_Q;
  if (!isCorrected || (d === D && isSame)) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `The residual stream of this model lies in another basis than the dense one's (${d} dimensions of ${D}): they cannot be compared.`,
    place: { field: 'recipe', layer: own.index },
    action: 'Leave out correct behind slicegpt, or put it before.',
  });
}

export function assertFinite({ diagonal }: TapStatistics, layer: number, names: readonly LinearName[]): void {
  const bad = diagonal?.findIndex((value) => !Number.isFinite(value)) ?? -1;
  if (bad < 0) return;
  throw new WhittleError({
    code: 'non_finite_activations',
    message: `Activations that ${names.join(', ')} read are NaN, or so large that their squares overflow, in channel ${bad}.`,
    place: { layer },
    action:
      'Check the weights of this layer; a model that gives NaN on the calibration text cannot be compressed by it.',
  });
}
