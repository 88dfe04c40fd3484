/** @file One decoder layer from its names, its config and the checkpoint. */
import type { DecoderConfig, GateUpNames, LayerNames, QkvNames, WeightNames } from '../architecture.ts';
import type { Attention, DecoderLayer, Linear, Mlp, Norm, XieluWeights } from '../decoder_model.ts';
import { splitQkv, splitRows } from './fused.ts';
import type { WeightPicker } from './weight_picker.ts';

export class LayerBuilder {
  private readonly picker: WeightPicker;
  private readonly config: DecoderConfig;
  private readonly names: LayerNames;
  private readonly transposed: boolean;
  private readonly prefix: string;

  /** @param prefix Of the layers: "model.layers.". */
  constructor(picker: WeightPicker, config: DecoderConfig, names: WeightNames, prefix: string) {
    this.picker = picker;
    this.config = config;
    this.names = names.layer;
    this.transposed = names.transposed ?? false;
    this.prefix = prefix;
  }

  build(index: number): DecoderLayer {
    const { names } = this;
    const { hidden_size, parallel, residual_multiplier } = this.config;
    const layer = `${this.prefix}${index}.`;
    const norm = (name: string | undefined) =>
      name === undefined ? undefined : buildNorm(this.picker, this.config, layer + name, hidden_size);
    const input_layernorm = norm(names.input_layernorm);
    const attention = this.attention(layer, index);
    const attention_output_norm = norm(names.attention_output_norm);
    const shared = parallel === 'one_norm' && names.post_attention_layernorm === undefined;
    const post_attention_layernorm = shared ? input_layernorm : norm(names.post_attention_layernorm);
    const mlp = this.mlp(layer);
    const mlp_output_norm = norm(names.mlp_output_norm);
    return {
      index,
      ...(parallel && { parallel: true }),
      input_layernorm,
      attention,
      ...(attention_output_norm && { attention_output_norm }),
      post_attention_layernorm,
      mlp,
      ...(mlp_output_norm && { mlp_output_norm }),
      ...(residual_multiplier !== undefined && residual_multiplier !== 1 && { residual_multiplier }),
    };
  }

  private attention(layer: string, index: number): Attention {
    const { names, config } = this;
    const { hidden_size: D, num_attention_heads, num_key_value_heads, head_dim } = config;
    const { scale, soft_cap, clip_qkv, alibi_slopes, bias, head_norm } = config.attention;
    const query = num_attention_heads * head_dim;
    const keyValue = num_key_value_heads * head_dim;
    const headNorm = (name: string | undefined, heads: number) => {
      if (head_norm === undefined || name === undefined) return undefined;
      const size = head_norm === 'all_heads' ? heads * head_dim : head_dim;
      return buildNorm(this.picker, config, layer + name, size, head_norm === 'head_by_head' ? heads : undefined);
    };
    const { rotary, sliding_window, attention_scale = scale } = config.layers[index];
    const projections = this.qkv(layer, query, keyValue);
    const q_norm = headNorm(names.q_norm, num_attention_heads);
    const k_norm = headNorm(names.k_norm, num_key_value_heads);
    return {
      ...projections,
      o_proj: this.linear(layer + names.o_proj, D, query, bias.o),
      num_attention_heads,
      num_key_value_heads,
      head_dim,
      scale: attention_scale,
      ...(clip_qkv !== undefined && { clip_qkv }),
      ...(rotary && { rotary }),
      ...(q_norm && { q_norm }),
      ...(k_norm && { k_norm }),
      ...(sliding_window !== undefined && { sliding_window }),
      ...(soft_cap !== undefined && { soft_cap }),
      ...(alibi_slopes && { alibi_slopes }),
    };
  }

  private qkv(layer: string, query: number, keyValue: number): Pick<Attention, 'q_proj' | 'k_proj' | 'v_proj'> {
    const qkv = this.apart(layer, this.names.qkv);
    const { hidden_size: D } = this.config;
    const { bias } = this.config.attention;
    if ('q_proj' in qkv) {
      return {
        q_proj: this.linear(layer + qkv.q_proj, query, D, bias.q),
        k_proj: this.linear(layer + qkv.k_proj, keyValue, D, bias.k),
        v_proj: this.linear(layer + qkv.v_proj, keyValue, D, bias.v),
      };
    }
    const fused = this.linear(layer + qkv.qkv_proj, query + 2 * keyValue, D, bias.q);
    const weight = splitQkv(fused.weight, qkv.order, this.config);
    const biases = fused.bias && splitQkv(fused.bias, qkv.order, this.config);
    return {
      q_proj: { weight: weight.q, bias: biases?.q },
      k_proj: { weight: weight.k, bias: biases?.k },
      v_proj: { weight: weight.v, bias: biases?.v },
    };
  }

  private mlp(layer: string): Mlp {
    const { down_proj } = this.names;
    const { hidden_size: D, intermediate_size: F, mlp } = this.config;
    return {
      ...this.gateUp(layer, D, F),
      down_proj: this.linear(layer + down_proj, D, F, mlp.bias.down),
      activation: mlp.activation,
      ...(mlp.activation === 'xielu' && { xielu: this.xielu(layer) }),
    };
  }

  private xielu(layer: string): XieluWeights {
    const { picker, names } = this;
    const name = (part: string) => `${layer}${names.activation ?? 'mlp.act_fn'}.${part}`;
    // Constants of the activation, which not every checkpoint stores.
    const constant = (part: string) => (picker.has(name(part)) ? picker.takeNumber(name(part), []) : undefined);
    const [beta, eps] = [constant('beta'), constant('eps')];
    return {
      alpha_p: picker.takeNumber(name('alpha_p'), [1]),
      alpha_n: picker.takeNumber(name('alpha_n'), [1]),
      ...(beta && { beta }),
      ...(eps && { eps }),
    };
  }

  private gateUp(layer: string, D: number, F: number): Pick<Mlp, 'gate_proj' | 'up_proj'> {
    const gate_up = this.gateUpApart(layer, this.names.gate_up);
    const { gated, bias } = this.config.mlp;
    if ('gate_up_proj' in gate_up) {
      const fused = this.linear(layer + gate_up.gate_up_proj, 2 * F, D, bias.up);
      const halves = [
        ['gate', F],
        ['up', F],
      ] as const;
      const weight = splitRows(fused.weight, halves);
      const biases = fused.bias && splitRows(fused.bias, halves);
      return {
        gate_proj: { weight: weight.gate, bias: biases?.gate },
        up_proj: { weight: weight.up, bias: biases?.up },
      };
    }
    const { gate_proj } = gate_up;
    return {
      ...(gated && gate_proj !== undefined && { gate_proj: this.linear(layer + gate_proj, F, D, bias.gate) }),
      up_proj: this.linear(layer + gate_up.up_proj, F, D, bias.up),
    };
  }

  /** Exporters take fused projections apart (onnxruntime-genai's builder does): the parts then have Llama's names. */
  private apart(layer: string, qkv: QkvNames): QkvNames {
    if ('q_proj' in qkv) return qkv;
    const part = (name: string) => qkv.qkv_proj.replace(/[^.]*$/, `${name}_proj`);
    const isApart =
      !this.picker.has(`${layer}${qkv.qkv_proj}.weight`) && this.picker.has(`${layer}${part('q')}.weight`);
    return isApart ? { q_proj: part('q'), k_proj: part('k'), v_proj: part('v') } : qkv;
  }

  private gateUpApart(layer: string, gate_up: GateUpNames): GateUpNames {
    if (!('gate_up_proj' in gate_up)) return gate_up;
    const part = (name: string) => gate_up.gate_up_proj.replace(/[^.]*$/, `${name}_proj`);
    const isApart =
      !this.picker.has(`${layer}${gate_up.gate_up_proj}.weight`) && this.picker.has(`${layer}${part('up')}.weight`);
    return isApart ? { gate_proj: part('gate'), up_proj: part('up') } : gate_up;
  }

  private linear(name: string, out: number, inputs: number, bias: boolean): Linear {
    const { picker } = this;
    const weight = `${name}.weight`;
    return {
      weight: this.transposed ? picker.takeTransposed(weight, [out, inputs]) : picker.take(weight, [out, inputs]),
      bias: bias ? picker.take(`${name}.bias`, [out]) : undefined,
    };
  }
}

/**
 * @param size Elements that are normed together.
 * @param heads Where each has weights of its own.
 */
export function buildNorm(
  picker: WeightPicker,
  config: DecoderConfig,
  name: string,
  size: number,
  heads?: number,
): Norm {
  const shape = heads === undefined ? [size] : [heads, size];
  const { kind, eps, bias, weight = true, weight_offset } = config.norm;
  return {
    kind,
    ...(weight && { weight: picker.take(`${name}.weight`, shape) }),
    ...(bias && { bias: picker.take(`${name}.bias`, shape) }),
    ...(weight_offset && { weight_offset }),
    eps,
    normalized_size: size,
    ...(heads !== undefined && { heads }),
  };
}
