/**
 * @file Fusion (SliceGPT §3.2): what turns a model's norms into the scale-free RMSN, so that its residual stream may be
 * rotated. A norm's γ and β move into the linears that read it while these are rotated (`rotate.ts`); this file holds the
 * rest: centring for LayerNorm models, and what the official code does on top.
 */
import type { DecoderLayer, DecoderModel, ModelOutline, Norm } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { DeviceAttention, DeviceLinear, DeviceMlp, WeightLoader } from '../../runtime/weights.ts';
import type { Fusion } from './plan.ts';

/** The official code's eps, whatever the model's own. */
const OFFICIAL_EPS = 1e-5;

/** LayerNorm(x) = RMSNorm(x − mean x): such a model is rotated with a centred residual stream. */
export function isCentred(model: ModelOutline): boolean {
  return model.norm.kind === 'layer_norm';
}

/**
 * The model with the embedding centred where its norms are LayerNorms, which changes no output: they all ignore the mean.
 * `official` also centres the embedding of RMSNorm models, which is no invariance for them, and puts eps 1e-5 into every
 * norm, as `fuse_modules` of the official code does.
 */
export function applyFusion(model: DecoderModel, fusion: Fusion): DecoderModel {
  const isOfficial = fusion === 'official';
  const centered = isOfficial || isCentred(model);
  const embed_tokens = centered ? { ...model.embed_tokens, centered } : model.embed_tokens;
  if (!isOfficial) return { ...model, embed_tokens };
  const norm = (from: Norm): Norm => ({ ...from, eps: OFFICIAL_EPS });
  return {
    ...model,
    embed_tokens,
    layers: model.layers.map((layer) => ({
      ...layer,
      input_layernorm: layer.input_layernorm && norm(layer.input_layernorm),
      post_attention_layernorm: layer.post_attention_layernorm && norm(layer.post_attention_layernorm),
    })),
    norm: norm(model.norm),
  };
}

/** What a norm becomes once its weight and bias have moved into the linears: the scale-free RMSN. */
export function scaleFree({ eps, normalized_size }: { eps: number; normalized_size: number }) {
  return { kind: 'rms_norm', eps, normalized_size } as const;
}

/** Loads layers with what they add to the residual stream centred, where the model asks for it. */
export class FusedLoader {
  constructor(
    private readonly arena: Arena,
    readonly weights: WeightLoader,
    private readonly centred: boolean,
  ) {}

  async attention(layer: DecoderLayer): Promise<DeviceAttention> {
    const loaded = await this.weights.attention(layer);
    this.centre(loaded.o_proj);
    return loaded;
  }

  async mlp(layer: DecoderLayer): Promise<DeviceMlp> {
    const loaded = await this.weights.mlp(layer);
    this.centre(loaded.down_proj);
    return loaded;
  }

  /** All but the norm and what reads that. */
  async mlpOutput(layer: DecoderLayer): Promise<Omit<DeviceMlp, 'post_attention_layernorm' | 'gate_proj' | 'up_proj'>> {
    const loaded = await this.weights.mlpOutput(layer);
    this.centre(loaded.down_proj);
    return loaded;
  }

  /** W ← (I − 11ᵀ/D)·W, b ← b − mean b: the output loses its mean over the hidden axis. */
  private centre({ weight, bias }: DeviceLinear): void {
    if (!this.centred) return;
    const { arena } = this;
    const { backend } = arena;
    backend.center_columns({ weight });
    if (!bias) return;
    const row = arena.empty([1, bias.shape[0]], 'bias_row');
    backend.copy(bias, row);
    backend.center_rows({ hidden_states: row });
    backend.copy(row, bias);
    arena.free(row);
  }
}
