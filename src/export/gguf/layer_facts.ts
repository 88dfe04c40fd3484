/** @file What the layers of a model do, in the words of {@link GgufGraph}. */
import type { DecoderLayer, Linear, ModelOutline, Rotary, WeightOutline } from '../../models/decoder_model.ts';
import type { LayerOrder, LinearName } from './graphs.ts';

export function orderOf({
  parallel,
  input_layernorm,
  post_attention_layernorm,
}: DecoderLayer<WeightOutline>): LayerOrder {
  if (!parallel) return 'sequential';
  return input_layernorm === post_attention_layernorm ? 'one_norm' : 'two_norms';
}

export function linearsOf<W>({ attention, mlp }: DecoderLayer<W>): [LinearName, Linear<W>][] {
  return [
    ['attn_q', attention.q_proj],
    ['attn_k', attention.k_proj],
    ['attn_v', attention.v_proj],
    ['attn_output', attention.o_proj],
    ...(mlp.gate_proj ? [['ffn_gate', mlp.gate_proj] as [LinearName, Linear<W>]] : []),
    ['ffn_up', mlp.up_proj],
    ['ffn_down', mlp.down_proj],
  ];
}

/** Sizes of the windows; undefined for a layer that sees everything. */
export function windowsOf({ layers }: ModelOutline): (number | undefined)[] {
  return layers.map(({ attention }) => attention.sliding_window);
}

/** Of the layers that see everything, and of those with a window where theirs is another (Gemma 3). */
export interface Rotaries {
  readonly global?: Rotary;
  readonly local?: Rotary;
}

/** Undefined where layers turn in more ways than these. @param split Layers with windows may turn in another way. */
export function rotariesOf({ layers }: ModelOutline, split: boolean): Rotaries | undefined {
  const turning = layers.filter(({ attention }) => attention.rotary);
  const isLocal = ({ attention }: DecoderLayer<WeightOutline>) => split && attention.sliding_window !== undefined;
  const one = (own: DecoderLayer<WeightOutline>[]): Rotary | undefined | false => {
    const [first, ...rest] = own.map(({ attention }) => attention.rotary!);
    return rest.every((other) => sameRotary(first, other)) && first;
  };
  const [global, local] = [one(turning.filter((layer) => !isLocal(layer))), one(turning.filter(isLocal))];
  if (global === false || local === false) return undefined;
  return { ...(global && { global }), ...(local && { local }) };
}

function sameRotary(a: Rotary, b: Rotary): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The n of "each n-th layer sees everything, the others a window"; undefined where no n explains the windows. */
export function globalInterval(windows: readonly (number | undefined)[]): number | undefined {
  const explains = (n: number) => windows.every((window, i) => (window === undefined) === ((i + 1) % n === 0));
  const first = windows.indexOf(undefined);
  if (first >= 0) return explains(first + 1) ? first + 1 : undefined;
  // No layer sees everything: the family's own number, where the model is short enough for it.
  return windows.length < 6 ? 6 : windows.length + 1;
}
