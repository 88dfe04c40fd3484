/** @file The two halves of a layer, alike: linears that read a normed input, what is made of their outputs, and one linear that writes. */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer, Linear, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import type { InputQuantization } from '../../models/input_quantization.ts';
import type { Floats } from '../../models/packed/packing.ts';
import type { Arena } from '../../runtime/arena.ts';
import { attentionMixed, mlpActivated, type RotaryTable } from '../../runtime/forward.ts';
import { addBranch, productInput, residual } from '../../runtime/layer_products.ts';
import { deviceInput, freeDeviceInput } from '../../runtime/quantized_input.ts';
import type { DeviceAttention, DeviceLayer, DeviceLinear, DeviceMlp, DeviceNorm } from '../../runtime/weights.ts';
import type { LinearName, LinearUse } from '../layerwise_types.ts';
import { scalePlace } from './scale_place.ts';

export type HalfName = 'attention' | 'mlp';

/** Linears that read a half's normed input, in order. */
export function inputLinears(layer: DecoderLayer<WeightOutline>, half: HalfName): LinearName[] {
  if (half === 'attention') return ['q_proj', 'k_proj', 'v_proj'];
  return layer.mlp.gate_proj ? ['gate_proj', 'up_proj'] : ['up_proj'];
}

export function outputLinear(half: HalfName): LinearName {
  return half === 'attention' ? 'o_proj' : 'down_proj';
}

/** All linears of a layer in the order in which they are changed. */
export function layerLinears(layer: DecoderLayer<WeightOutline>): LinearName[] {
  return (['attention', 'mlp'] as const).flatMap((half) => [...inputLinears(layer, half), outputLinear(half)]);
}

export function halfOf(name: LinearName): HalfName {
  return name === 'gate_proj' || name === 'up_proj' || name === 'down_proj' ? 'mlp' : 'attention';
}

export function linearOf<W>(layer: DecoderLayer<W>, name: LinearName): Linear<W> {
  const { attention, mlp } = layer;
  return ({ ...attention, ...mlp } as unknown as Record<LinearName, Linear<W>>)[name];
}

/** The layer with another linear. */
export function withLinear<W>(layer: DecoderLayer<W>, name: LinearName, linear: Linear<W>): DecoderLayer<W> {
  const half = halfOf(name);
  return { ...layer, [half]: { ...layer[half], [name]: linear } };
}

/**
 * The layer with other weights for some of its linears.
 * @param inputs How linears round what they read from now on; the others go on as they did.
 */
export function withWeights<W>(
  layer: DecoderLayer<W>,
  weights: ReadonlyMap<LinearName, W>,
  inputs: ReadonlyMap<LinearName, InputQuantization> = new Map(),
): DecoderLayer<W> {
  const changed = (half: HalfName) =>
    Object.fromEntries(
      [...weights]
        .filter(([name]) => halfOf(name) === half)
        .map(([name, weight]) => {
          const input = inputs.get(name);
          return [name, { ...linearOf(layer, name), weight, ...(input && { input }) }];
        }),
    );
  return {
    ...layer,
    attention: { ...layer.attention, ...changed('attention') },
    mlp: { ...layer.mlp, ...changed('mlp') },
  };
}

export function linearPath(layer: number, name: LinearName): string {
  return `model.layers.${layer}.${halfOf(name) === 'attention' ? 'self_attn' : 'mlp'}.${name}`;
}

export function linearUse(layer: DecoderLayer<WeightOutline>, name: LinearName, floats: Floats): LinearUse {
  const half = halfOf(name);
  const { num_attention_heads, num_key_value_heads, head_dim } = layer.attention;
  const isInput = name !== outputLinear(half);
  const norm = half === 'attention' ? layer.input_layernorm : layer.post_attention_layernorm;
  const isShared = layer.input_layernorm === layer.post_attention_layernorm;
  const place = scalePlace(layer, name);
  return {
    layer: layer.index,
    name,
    path: linearPath(layer.index, name),
    siblings: isInput ? inputLinears(layer, half) : [name],
    heads: num_attention_heads,
    kv_heads: num_key_value_heads,
    head_dim,
    after_norm: isInput && norm?.weight !== undefined && !isShared,
    gated: layer.mlp.gate_proj !== undefined,
    activation: layer.mlp.activation,
    ...(place && { scale_place: place }),
    floats,
  };
}

/** A half on the device; its linears are replaced while the layer is changed. */
export class DeviceHalf {
  constructor(
    private readonly arena: Arena,
    readonly name: HalfName,
    readonly layer: DecoderLayer,
    private readonly weights: DeviceLayer,
    private readonly rotary: RotaryTable | undefined,
    private readonly seqlen: number,
  ) {}

  private get part(): DeviceAttention | DeviceMlp {
    return this.weights[this.name];
  }

  private get norm(): DeviceNorm | undefined {
    const { attention, mlp } = this.weights;
    return this.name === 'attention' ? attention.input_layernorm : mlp.post_attention_layernorm;
  }

  linear(name: LinearName): DeviceLinear {
    return (this.part as unknown as Record<LinearName, DeviceLinear>)[name];
  }

  /** Takes another weight, and another bias where there is one; those before are freed. */
  replace(name: LinearName, weight: Tensor, bias?: Tensor): void {
    const part = this.part as unknown as Record<LinearName, DeviceLinear>;
    const before = part[name];
    this.arena.free(before.weight);
    if (bias && before.bias) this.arena.free(before.bias);
    part[name] = { ...before, weight, ...(bias && { bias }) };
  }

  /** Rounds what a linear reads from now on. */
  quantizeInput(name: LinearName, input: InputQuantization): void {
    const part = this.part as unknown as Record<LinearName, DeviceLinear>;
    freeDeviceInput(this.arena, part[name].input);
    part[name] = { ...part[name], input: deviceInput(this.arena, input, part[name].weight.shape[1]) };
  }

  /** Divides what the input linears read, in the norm before them. @param scale (columns). */
  async divideNorm(scale: Float64Array): Promise<void> {
    const { backend } = this.arena;
    const { norm } = this;
    for (const name of ['weight', 'bias'] as const) {
      const vector = norm?.[name];
      if (!norm || !vector) continue;
      const values = await backend.read(vector);
      const divided = Float64Array.from(scale, (value, i) => values[i] / value);
      norm[name] = this.arena.own(backend.fromArray(divided, vector.shape, vector.label));
      this.arena.free(vector);
    }
  }

  /** What the input linears read, in a workspace tensor (x itself where there is no norm). */
  normed(x: Tensor): Tensor {
    return productInput(this.arena, this.norm, x, `${this.name}_input_of_linears`, true).states;
  }

  /** What the output linear reads, in a tensor of its own. */
  mixed(x: Tensor): Tensor {
    const { arena, layer, weights } = this;
    const states =
      this.name === 'attention'
        ? attentionMixed(arena, layer.attention, weights.attention, this.rotary, this.seqlen, x)
        : mlpActivated(arena, layer.mlp, weights.mlp, this.seqlen, x);
    const kept = arena.empty(states.shape, `${this.name}_mixed`);
    arena.backend.copy(states, kept);
    return kept;
  }

  /** residual(x) + the half's branch; x is used up. A parallel layer's MLP has no shortcut of its own. */
  output(x: Tensor, mixed: Tensor): Tensor {
    const shortcut =
      this.name === 'attention' ? this.weights.attention.attn_shortcut_Q : this.weights.mlp.mlp_shortcut_Q;
    const sum = residual(this.arena, x, shortcut);
    addBranch(
      this.arena,
      this.linear(outputLinear(this.name)),
      this.part,
      mixed,
      sum,
      `${this.name}_output`,
      this.seqlen,
    );
    return sum;
  }

  /** Whether a norm stands between the output linear and the residual stream. */
  get normsOutput(): boolean {
    return this.part.output_norm !== undefined;
  }

  get multiplier(): number {
    return this.part.residual_multiplier ?? 1;
  }
}

export type WeightsByName = ReadonlyMap<LinearName, WeightRef>;
