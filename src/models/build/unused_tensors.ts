/**
 * @file Tensors that no part of the model has asked for. Buffers that hold nothing new are passed over; what would change
 * the numbers — a scale, a rotation, an adapter — stops the opening; the rest is named in a warning, as transformers does.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint } from '../../formats/checkpoint.ts';
import type { Architecture } from '../architecture.ts';

/** Buffers of many families, which follow from the config, and records of training and tools. */
const BUFFERS =
  /(^|\.)((original_)?inv_freq|(cos|sin)_cached|masked_bias|position_ids|num_batches_tracked|_extra_state|scaled_fp8)$/;

/** Scales of a quantised key/value cache, which Whittle keeps in f32. */
const CACHE_SCALE = /\.(k|v|q|kv|prob)_(scale|zero_point)$|\.(kv_cache|k_cache|v_cache)_scaling_factor$/;

/** Segments of names that say what a tensor does to another, with words before or behind: "weight_scale_2", "qscale". */
const TELLING =
  /^(?:.*_)?([a-z]*scal(?:es?|ings?|ers?|ars?)|alphas?|temperatures?|zeros?|zero_points?|qzeros|qweight|absmax|amax|scb|g_idx|codes|codebooks?|quant_map|quant_state|lut|smooth|lora|lora_[ab]|lora_embedding_[ab]|dora|magnitude_vector|ia3_l|adapters?|prompt_embeddings|hadamard|hadamard_\w*|had_k|rotation|rotations?|rotate|rotation_matrix|spinquant|[rq]_?rot|r[1-4]|transform|transforms|forward_hadamard_matrix|mask)(?:_.*)?$/i;

export interface UnusedOptions {
  readonly architecture?: Pick<Architecture, 'family' | 'ignored' | 'left_out'>;
  /** Of the model: weights of layers beyond are named as such. */
  readonly layers?: { readonly prefix: string; readonly count: number };
}

/** What to tell people. Throws `unknown_architecture` for a tensor that would change what is computed. */
export function judgeUnused(checkpoint: Checkpoint, unused: readonly string[], options: UnusedOptions = {}): string[] {
  const { ignored = [], left_out = [], family = 'model' } = options.architecture ?? {};
  const warnings: string[] = [];
  let rest = unused.filter((name) => !BUFFERS.test(name) && !ignored.some((pattern) => pattern.test(name)));
  const take = (pattern: { test(name: string): boolean }, say: (count: number) => string) => {
    const left = rest.filter((name) => !pattern.test(name));
    if (left.length < rest.length) warnings.push(say(rest.length - left.length));
    rest = left;
  };
  for (const { pattern, what } of left_out) take(pattern, (count) => `${what} (${count} tensors) is left out.`);
  if (options.layers) {
    const { prefix, count } = options.layers;
    const beyond = {
      test: (name: string) => name.startsWith(prefix) && Number.parseInt(name.slice(prefix.length), 10) >= count,
    };
    take(beyond, (found) => `${found} tensors belong to layers beyond num_hidden_layers (${count}) and are left out.`);
  }
  take(
    CACHE_SCALE,
    (count) => `${count} scales of a quantised key/value cache are not used: the cache is kept in f32.`,
  );
  const telling = rest.filter(
    (name) => !isEmpty(checkpoint, name) && (isTelling(name) || isBesideBareFloat8(checkpoint, name)),
  );
  if (telling.length > 0) throw refusal(checkpoint, telling[0], telling.length, family);
  if (rest.length > 0) {
    const more = rest.length > 5 ? ` and ${rest.length - 5} more` : '';
    warnings.push(`Tensors that the config does not call for, left out: ${rest.slice(0, 5).join(', ')}${more}.`);
  }
  return warnings;
}

/** Tools store placeholders of no elements (an order of inputs that there is not), which change nothing. */
function isEmpty({ tensors }: Checkpoint, name: string): boolean {
  return tensors.get(name)?.shape.includes(0) ?? false;
}

function isTelling(name: string): boolean {
  return name.split('.').some((segment) => TELLING.test(segment));
}

/** Whatever lies in the module of an F8 weight that has no scale is taken for it: F8 holds no weights without one. */
function isBesideBareFloat8({ tensors }: Checkpoint, name: string): boolean {
  if (name.endsWith('.bias')) return false;
  const stored = tensors.get(`${name.slice(0, name.lastIndexOf('.'))}.weight`)?.stored;
  return stored !== undefined && stored.is_scaled === false;
}

function refusal(checkpoint: Checkpoint, name: string, count: number, family: string): WhittleError {
  const others = count > 1 ? ` and ${count - 1} more like it` : '';
  return new WhittleError({
    code: 'unknown_architecture',
    message: `${name}${others} would change what the weights mean (a scale, a rotation, a mask or an adapter), and nothing in the config says how.`,
    place: { file: checkpoint.tensors.get(name)?.file, tensor: name },
    allowed: `the weights of a ${family} alone, or F8 weights with one scale each (weight_scale, weight_scale_inv, scale_weight)`,
    action:
      'Open the model before it was quantised or adapted, or save it with these tensors multiplied into the weights.',
  });
}
