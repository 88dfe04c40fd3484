/**
 * @file How a linear's input is rounded before it is multiplied: what methods of "weights and activations" add to a weight.
 * JSON, so that plans, descriptions and reports hold it as it is.
 */
import type { DecoderLayer, DecoderModel, Linear } from './decoder_model.ts';

export type InputQuantization = TokenQuantization | ClusterQuantization;

/** Each token by itself: whole multiples of max|x| / (2^(bits−1) − 1), symmetric, found as it runs. */
export interface TokenQuantization {
  readonly kind: 'token';
  readonly bits: number;
  /** Features that reach it in any token of a window pass as floats (LLM.int8()). */
  readonly keep_above?: number;
}

/** Features in clusters, a fixed asymmetric grid each, from calibration (RPTQ). */
export interface ClusterQuantization {
  readonly kind: 'clusters';
  readonly bits: number;
  readonly clusters: number;
  /** Absent in outlines. */
  readonly grid?: ClusterGrid;
}

export interface ClusterGrid {
  /** Cluster of each input. */
  readonly cluster: readonly number[];
  /** Of each cluster: value = scale · (code − zero), code 0 … 2^bits − 1. */
  readonly scale: readonly number[];
  readonly zero: readonly number[];
}

/** Bytes that are stored for it: a scale and a zero point (float32) a cluster and a 16-bit cluster an input. */
export function inputBytes(input: InputQuantization, columns: number): number {
  return input.kind === 'clusters' ? 8 * input.clusters + 2 * columns : 0;
}

/** "int8 a token", "int8 in 8 clusters". */
export function inputLabel(input: InputQuantization): string {
  if (input.kind === 'clusters') return `int${input.bits} in ${input.clusters} clusters`;
  return `int${input.bits} a token${input.keep_above === undefined ? '' : `, floats from ${input.keep_above}`}`;
}

/** Largest code of a token's grid, or of a cluster's. */
export function inputLevels({ kind, bits }: InputQuantization): number {
  return kind === 'token' ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
}

/** The linears of a layer in their order. */
export function linearsOf<W>({ attention, mlp }: DecoderLayer<W>): Linear<W>[] {
  const { q_proj, k_proj, v_proj, o_proj } = attention;
  return [q_proj, k_proj, v_proj, o_proj, ...(mlp.gate_proj ? [mlp.gate_proj] : []), mlp.up_proj, mlp.down_proj];
}

/** Distinct ways in which a model's linears round their inputs. */
export function inputLabels<W>(model: Pick<DecoderModel<W>, 'layers'>): string[] {
  const inputs = model.layers.flatMap(linearsOf).flatMap(({ input }) => (input ? [inputLabel(input)] : []));
  return [...new Set(inputs)];
}

/** Whether a linear rounds its input on a grid that belongs to the features as they are now. */
export function hasFixedInputs<W>(model: Pick<DecoderModel<W>, 'layers'>): boolean {
  return model.layers.flatMap(linearsOf).some(({ input }) => input?.kind === 'clusters');
}

/** The model whose linears read floats. */
export function withoutInputs<W>(model: DecoderModel<W>): DecoderModel<W> {
  return mapInputs(model, () => undefined);
}

/** The model with what `change` makes of each input that is rounded. */
export function mapInputs<W>(
  model: DecoderModel<W>,
  change: (input: InputQuantization) => InputQuantization | undefined,
): DecoderModel<W> {
  const linear = (from: Linear<W>): Linear<W> => {
    if (!from.input) return from;
    const { input, ...rest } = from;
    const changed = change(input);
    return changed ? { ...rest, input: changed } : rest;
  };
  const layers = model.layers.map((layer) => {
    const { attention, mlp } = layer;
    return {
      ...layer,
      attention: {
        ...attention,
        q_proj: linear(attention.q_proj),
        k_proj: linear(attention.k_proj),
        v_proj: linear(attention.v_proj),
        o_proj: linear(attention.o_proj),
      },
      mlp: {
        ...mlp,
        ...(mlp.gate_proj && { gate_proj: linear(mlp.gate_proj) }),
        up_proj: linear(mlp.up_proj),
        down_proj: linear(mlp.down_proj),
      },
    };
  });
  return { ...model, layers };
}
