/**
 * @file Lazy weights → device tensors, one layer at a time, and the check that stored weights are finite numbers.
 */
import type { Tensor } from '../backend/backend.ts';
import { WhittleError } from '../errors/errors.ts';
import type { RowRange } from '../formats/checkpoint.ts';
import {
  type DecoderLayer,
  type Linear,
  linearWeights,
  type Norm,
  normWeights,
  type WeightRef,
  XIELU_BETA,
  XIELU_EPS,
  type XieluWeights,
  xieluWeights,
} from '../models/decoder_model.ts';
import { originOf } from '../models/record/origin.ts';
import { decodeStored } from '../tensor/decode.ts';
import { bytesPerElement } from '../tensor/dtype.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import type { Arena } from './arena.ts';
import { DECODED_BYTES } from './budgets.ts';
import { isKeptPacked, type PackMatrix, packedMatrix } from './packed_weights.ts';
import { type DeviceInput, deviceInput, freeDeviceInput } from './quantized_input.ts';
import { ReadAhead } from './read_ahead.ts';

export interface DeviceLinear {
  /** (out, in). */
  weight: Tensor;
  bias?: Tensor;
  input?: DeviceInput;
  /** What the gradient of a trained linear needs besides. */
  kept?: Tensor;
}

/** A norm with its weight as it is multiplied: `weight_offset` is in it already. */
export interface DeviceNorm {
  kind: Norm['kind'];
  weight?: Tensor;
  bias?: Tensor;
  eps: number;
  normalized_size: number;
  /** The weight is (heads · normalized_size): one for each. */
  heads?: number;
}

/** The weights of a layer's attention half; what {@link DecoderLayer} may lack is optional here too. */
export interface DeviceAttention {
  input_layernorm?: DeviceNorm;
  q_proj: DeviceLinear;
  k_proj: DeviceLinear;
  v_proj: DeviceLinear;
  o_proj: DeviceLinear;
  q_norm?: DeviceNorm;
  k_norm?: DeviceNorm;
  /** (heads): ALiBi slopes. */
  slopes?: Tensor;
  /** Keys and values are rounded as attention reads them, each token by its largest, in so many levels on both sides of 0. */
  cache_levels?: number;
  output_norm?: DeviceNorm;
  residual_multiplier?: number;
  /** (in, out); absent means the identity. */
  attn_shortcut_Q?: Tensor;
}

/** As the kernel takes them. */
export interface XieluNumbers {
  alpha_p: number;
  alpha_n: number;
  beta: number;
  eps: number;
}

export interface DeviceMlp {
  post_attention_layernorm?: DeviceNorm;
  gate_proj?: DeviceLinear;
  up_proj: DeviceLinear;
  down_proj: DeviceLinear;
  xielu?: XieluNumbers;
  output_norm?: DeviceNorm;
  residual_multiplier?: number;
  mlp_shortcut_Q?: Tensor;
}

export interface DeviceLayer {
  attention: DeviceAttention;
  mlp: DeviceMlp;
}

/** Loads weights into an arena; with `checkFinite` it counts NaN and infinite elements of everything it loads. */
export class WeightLoader {
  private checked: { ref: WeightRef; index: number }[] = [];
  private readonly ahead = new ReadAhead();
  private readonly partsAhead = new Map<WeightRef, Promise<PackMatrix | undefined>>();
  private counts?: Tensor;

  /**
   * @param checkFinite Counts what is NaN or infinite, of everything it loads.
   * @param keepsPacked Linears and heads that a method packed stay packed where the backend multiplies by them: for whoever
   * does nothing else with them.
   */
  constructor(
    private readonly arena: Arena,
    private readonly checkFinite = false,
    private readonly keepsPacked = false,
  ) {}

  /**
   * Starts to read whole weights, which the next `load` of each takes. They wait as stored bytes on the host: on the device,
   * decoded, they would double what a layer needs there. Of a large layer only as many as {@link READ_AHEAD_BYTES} has room for, and
   * none that is decoded in lots.
   */
  prefetch(refs: readonly (WeightRef | undefined)[]): void {
    for (const ref of refs) {
      if (!ref || this.ahead.has(ref) || this.partsAhead.has(ref)) continue;
      if (this.canKeep(ref)) {
        const reading = packedMatrix(ref, { start: 0, end: ref.shape[0] });
        reading.catch(() => {});
        this.partsAhead.set(ref, reading);
        continue;
      }
      if (!this.isLoadedByParts(ref)) this.ahead.whole(ref);
    }
  }

  /** Starts to read some rows of a weight, which the next `load` of just these takes. */
  prefetchRows(ref: WeightRef, rows: RowRange): void {
    if (!this.canKeep(ref)) this.ahead.rows(ref, rows, this.roundedFrom(ref));
  }

  async load(ref: WeightRef, rows?: RowRange): Promise<Tensor> {
    if (!rows && this.isLoadedByParts(ref)) return this.byParts(ref);
    const rounded = this.ahead.has(ref) ? undefined : await this.rounded(ref, rows);
    if (rounded) return rounded;
    const bytes = await (rows ? this.ahead.takeRows(ref, rows) : this.ahead.take(ref));
    return this.decode(ref, bytes, rows ? [rows.end - rows.start, ...ref.shape.slice(1)] : ref.shape);
  }

  /** Of a weight that is another's numbers as half floats: those on the device are rounded there, not made on the host first. */
  private async rounded(ref: WeightRef, rows: RowRange | undefined): Promise<Tensor | undefined> {
    const { backend } = this.arena;
    const source = this.roundedFrom(ref);
    if (!source) return undefined;
    const bytes = await (rows ? this.ahead.takeRows(ref, rows, source) : source.read());
    const shape = rows ? [rows.end - rows.start, ...ref.shape.slice(1)] : ref.shape;
    const tensor = this.arena.own(backend.decode(bytes, source.dtype, shape, ref.name));
    backend.roundToHalves?.(tensor);
    if (this.checkFinite) this.count(ref, tensor);
    return tensor;
  }

  /** What is read of a weight that the device rounds. */
  private roundedFrom(ref: WeightRef): WeightRef | undefined {
    const origin = originOf(ref);
    const isRounded = this.arena.backend.roundToHalves && origin?.kind === 'float' && origin.dtype === 'F16';
    return isRounded ? origin.of : undefined;
  }

  /** On the host, stored bytes and floats of a large weight would lie side by side. */
  private isLoadedByParts({ shape, dtype }: WeightRef): boolean {
    if (this.arena.backend.info.kind !== 'cpu' || shape.length !== 2) return false;
    return elementCount(shape) * bytesPerElement(dtype) > DECODED_BYTES;
  }

  /** Rows after rows, each lot read, decoded where it belongs, and let go of. */
  private async byParts(ref: WeightRef): Promise<Tensor> {
    const { arena } = this;
    const [rows, columns] = ref.shape;
    const whole = arena.empty(ref.shape, ref.name);
    const lot = Math.max(1, Math.floor(DECODED_BYTES / (columns * bytesPerElement(ref.dtype))));
    for (let start = 0; start < rows; start += lot) {
      const end = Math.min(rows, start + lot);
      const bytes = await ref.read({ start, end });
      const source = arena.own(arena.backend.decode(bytes, ref.dtype, [end - start, columns], ref.name));
      arena.backend.write_rows({ source, output: whole, first_row: start });
      arena.free(source);
    }
    if (this.checkFinite) this.count(ref, whole);
    return whole;
  }

  /** Bytes of a weight, or of some of its rows, that were read already. */
  decode(ref: WeightRef, bytes: Uint8Array, shape: Shape): Tensor {
    const tensor = this.arena.own(this.arena.backend.decode(bytes, ref.dtype, shape, ref.name));
    if (this.checkFinite) this.count(ref, tensor);
    return tensor;
  }

  /** A matrix (out, in) that `matmul_bt` takes as b, and nothing else does. */
  async product(ref: WeightRef, rows?: RowRange): Promise<Tensor> {
    if (!this.canKeep(ref)) return this.load(ref, rows);
    const range = rows ?? { start: 0, end: ref.shape[0] };
    const pack = await ((!rows && this.partsAhead.get(ref)) || packedMatrix(ref, range));
    this.partsAhead.delete(ref);
    const packed = pack?.(this.arena.backend, ref.name);
    return packed ? this.arena.own(packed) : this.load(ref, rows);
  }

  /** Where the weight can be held as it is packed. */
  private canKeep(ref: WeightRef): boolean {
    return this.keepsPacked && isKeptPacked(this.arena.backend, ref);
  }

  async linear(linear: Linear): Promise<DeviceLinear> {
    const weight = await this.product(linear.weight);
    return {
      weight,
      ...(linear.bias && { bias: await this.load(linear.bias) }),
      ...(linear.input && { input: deviceInput(this.arena, linear.input, linear.weight.shape[1]) }),
    };
  }

  async norm(norm: Norm): Promise<DeviceNorm> {
    const { kind, eps, normalized_size, heads } = norm;
    return {
      kind,
      eps,
      normalized_size,
      ...(heads !== undefined && { heads }),
      weight: norm.weight && (await this.normWeight(norm.weight, norm.weight_offset)),
      bias: norm.bias && (await this.normWeight(norm.bias)),
    };
  }

  async attention(layer: DecoderLayer): Promise<DeviceAttention> {
    const { attention } = layer;
    const { backend } = this.arena;
    const { alibi_slopes } = attention;
    return {
      input_layernorm: await this.optionalNorm(layer.input_layernorm),
      q_proj: await this.linear(attention.q_proj),
      k_proj: await this.linear(attention.k_proj),
      v_proj: await this.linear(attention.v_proj),
      o_proj: await this.linear(attention.o_proj),
      q_norm: await this.optionalNorm(attention.q_norm),
      k_norm: await this.optionalNorm(attention.k_norm),
      slopes: alibi_slopes && this.arena.own(backend.fromArray(alibi_slopes, [alibi_slopes.length], 'alibi_slopes')),
      output_norm: await this.optionalNorm(layer.attention_output_norm),
      residual_multiplier: layer.residual_multiplier,
      attn_shortcut_Q: layer.attn_shortcut_Q && (await this.load(layer.attn_shortcut_Q)),
    };
  }

  async mlp(layer: DecoderLayer): Promise<DeviceMlp> {
    const { gate_proj, up_proj } = layer.mlp;
    return {
      post_attention_layernorm: await this.optionalNorm(layer.post_attention_layernorm),
      gate_proj: gate_proj && (await this.linear(gate_proj)),
      up_proj: await this.linear(up_proj),
      ...(await this.mlpOutput(layer)),
    };
  }

  /** All of an MLP half but its norm and what reads that. */
  async mlpOutput(layer: DecoderLayer): Promise<Omit<DeviceMlp, 'post_attention_layernorm' | 'gate_proj' | 'up_proj'>> {
    const { down_proj, xielu } = layer.mlp;
    return {
      down_proj: await this.linear(down_proj),
      xielu: xielu && (await this.xielu(xielu)),
      output_norm: await this.optionalNorm(layer.mlp_output_norm),
      residual_multiplier: layer.residual_multiplier,
      mlp_shortcut_Q: layer.mlp_shortcut_Q && (await this.load(layer.mlp_shortcut_Q)),
    };
  }

  async layer(layer: DecoderLayer): Promise<DeviceLayer> {
    return { attention: await this.attention(layer), mlp: await this.mlp(layer) };
  }

  /**
   * Reads the counts of everything loaded since the last call. Throws `non_finite_weights` naming the tensor: a NaN in
   * one weight would otherwise come out as a NaN perplexity much later.
   */
  async assertFinite(): Promise<void> {
    const { checked, counts } = this;
    if (!counts) return;
    // Taken away before waiting: what a prefetch loads meanwhile is counted anew and checked the next time.
    this.checked = [];
    this.counts = undefined;
    const values = await this.arena.backend.read(counts);
    this.arena.free(counts);
    const found = checked.find(({ index }) => values[index] > 0);
    if (!found) return;
    throw nonFiniteWeights(values[found.index], found.ref.name);
  }

  /** Of four numbers, on the host. Throws `non_finite_weights`. */
  private async xielu(weights: XieluWeights): Promise<XieluNumbers> {
    const number = async (ref: WeightRef | undefined, otherwise: number): Promise<number> => {
      if (!ref) return otherwise;
      const [value] = decodeStored(await this.ahead.take(ref), ref.dtype);
      if (Number.isFinite(value)) return value;
      throw nonFiniteWeights(1, ref.name);
    };
    const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    const beta = await number(weights.beta, XIELU_BETA);
    return {
      alpha_p: softplus(await number(weights.alpha_p, 0)),
      alpha_n: beta + softplus(await number(weights.alpha_n, 0)),
      beta,
      eps: await number(weights.eps, XIELU_EPS),
    };
  }

  private async optionalNorm(norm: Norm | undefined): Promise<DeviceNorm | undefined> {
    return norm && (await this.norm(norm));
  }

  /** Always one row. The offset is added on the host. */
  private async normWeight(ref: WeightRef, offset = 0): Promise<Tensor> {
    if (offset === 0 && ref.shape.length === 1) return this.load(ref);
    const values = decodeStored(await this.ahead.take(ref), ref.dtype).map((value) => value + offset);
    const tensor = this.arena.own(this.arena.backend.fromArray(values, [values.length], ref.name));
    if (this.checkFinite) this.count(ref, tensor);
    return tensor;
  }

  private count(ref: WeightRef, tensor: Tensor): void {
    // One counter each for the weights of a layer; a full set of counters is drained by assertFinite().
    this.counts ??= this.arena.own(this.arena.backend.emptyIds(COUNTERS, 'non_finite_counts'));
    const index = this.checked.length % COUNTERS;
    this.checked.push({ ref, index });
    this.arena.backend.count_non_finite({ tensor, counts: this.counts, index });
  }
}

function nonFiniteWeights(count: number, tensor: string): WhittleError {
  return new WhittleError({
    code: 'non_finite_weights',
    message: `${count} of the weights are NaN or infinite.`,
    place: { tensor },
    allowed: 'finite numbers',
    action: 'The file may be damaged, or the training diverged: fetch the model again or use another checkpoint.',
  });
}

/** More than the weights that are ever loaded between two checks; beyond it counters are shared, never lost. */
const COUNTERS = 64;

/** What {@link WeightLoader.attention} reads of a layer. */
export function attentionWeights(layer: DecoderLayer): (WeightRef | undefined)[] {
  const { q_proj, k_proj, v_proj, o_proj, q_norm, k_norm } = layer.attention;
  const norms = [layer.input_layernorm, q_norm, k_norm, layer.attention_output_norm];
  return [
    ...norms.flatMap(normWeights),
    ...[q_proj, k_proj, v_proj, o_proj].flatMap(linearWeights),
    layer.attn_shortcut_Q,
  ];
}

/** What {@link WeightLoader.mlp} reads of a layer. */
export function mlpWeights(layer: DecoderLayer): (WeightRef | undefined)[] {
  const { gate_proj, up_proj, down_proj, xielu } = layer.mlp;
  const norms = [layer.post_attention_layernorm, layer.mlp_output_norm];
  return [
    ...norms.flatMap(normWeights),
    ...[gate_proj, up_proj, down_proj].flatMap(linearWeights),
    ...xieluWeights(xielu),
    layer.mlp_shortcut_Q,
  ];
}

/** Frees every tensor of a loaded part. */
export function freeDevicePart(arena: Arena, part: DeviceAttention | DeviceMlp): void {
  for (const value of Object.values(part)) {
    if (!value || typeof value !== 'object') continue;
    if ('weight' in value) {
      arena.free(value.weight, 'bias' in value ? value.bias : undefined);
      if ('input' in value) freeDeviceInput(arena, value.input);
      if ('kept' in value) arena.free(value.kept);
    } else if ('shape' in value) arena.free(value as Tensor);
  }
}

export function freeDeviceLayer(arena: Arena, layer: DeviceLayer): void {
  freeDevicePart(arena, layer.attention);
  freeDevicePart(arena, layer.mlp);
}
