/** @file The sliced model without its numbers: shapes of every weight from the dimensions of the sites. */
import type {
  DecoderLayer,
  Embedding,
  Head,
  Linear,
  ModelOutline,
  Norm,
  WeightOutline,
} from '../../models/decoder_model.ts';
import { type FloatType, isFloatType } from '../../tensor/dtype.ts';
import { linearPath } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import type { HeadKind } from './plan.ts';
import type { SiteDimensions } from './sites.ts';
import { storedType } from './store.ts';

type Layer = DecoderLayer<WeightOutline>;

export function slicedOutline(model: ModelOutline, dimensions: SiteDimensions, head: HeadKind): ModelOutline {
  const outline = new SlicedOutline(model, storedType(model));
  const layers = model.layers.map((layer, i) => {
    const [input, middle, output] = layer.parallel
      ? [dimensions[i], dimensions[i], dimensions[i + 1]]
      : [dimensions[2 * i], dimensions[2 * i + 1], dimensions[2 * i + 2]];
    return outline.layer(layer, input, middle, output);
  });
  return { config: model.config, layers, ...outline.ends(head, dimensions[0], dimensions[dimensions.length - 1]) };
}

class SlicedOutline {
  /** Two uses of one table stay one object. */
  private readonly known = new Map<WeightOutline, WeightOutline>();

  constructor(
    private readonly model: ModelOutline,
    private readonly dtype: FloatType,
  ) {}

  layer(layer: Layer, input: number, middle: number, output: number): Layer {
    const attended = layer.parallel ? output : middle;
    const { attention, mlp } = layer;
    const prefix = `model.layers.${layer.index}`;
    const reads = (
      name: LinearName,
      linear: Linear<WeightOutline>,
      norm: Norm<WeightOutline> | undefined,
      width: number,
    ) => this.reader(linearPath(layer.index, name), linear, norm, width);
    const { input_layernorm: first, post_attention_layernorm: second } = layer;
    const sliced: Layer = {
      ...layer,
      input_layernorm: scaleFree(first),
      attention: {
        ...attention,
        q_proj: reads('q_proj', attention.q_proj, first, input),
        k_proj: reads('k_proj', attention.k_proj, first, input),
        v_proj: reads('v_proj', attention.v_proj, first, input),
        o_proj: this.writer(linearPath(layer.index, 'o_proj'), attention.o_proj, attended),
      },
      attn_shortcut_Q: this.matrix(`${prefix}.attn_shortcut_Q`, [input, attended]),
      post_attention_layernorm: scaleFree(second),
      mlp: {
        ...mlp,
        ...(mlp.gate_proj && { gate_proj: reads('gate_proj', mlp.gate_proj, second, middle) }),
        up_proj: reads('up_proj', mlp.up_proj, second, middle),
        down_proj: this.writer(linearPath(layer.index, 'down_proj'), mlp.down_proj, output),
      },
    };
    return layer.parallel
      ? sliced
      : { ...sliced, mlp_shortcut_Q: this.matrix(`${prefix}.mlp_shortcut_Q`, [middle, output]) };
  }

  ends(kind: HeadKind, first: number, last: number) {
    const { embed_tokens, lm_head, norm } = this.model;
    const { scale, soft_cap } = lm_head;
    const scaling = { ...(scale !== undefined && { scale }), ...(soft_cap !== undefined && { soft_cap }) };
    const positions = this.positions(first);
    const [vocabulary, D] = embed_tokens.weight.shape;
    if (kind === 'tied') {
      const weight = this.keep(embed_tokens.weight);
      const projection = this.matrix('model.embed_tokens.projection', [D, first]);
      const { scale: factor, norm: own } = embed_tokens;
      return {
        embed_tokens: {
          weight,
          ...(factor !== undefined && { scale: factor }),
          ...(own && { norm: own }),
          projection,
          ...positions,
        },
        norm: { ...norm, kind: 'rms_norm' as const },
        lm_head: { weight, ...(lm_head.bias && { bias: this.keep(lm_head.bias) }), ...scaling },
      };
    }
    const table = this.matrix('model.embed_tokens.weight', [vocabulary, first]);
    const free = scaleFree(norm) as Norm<WeightOutline>;
    if (kind === 'tied-sliced') {
      const { scale: factor } = embed_tokens;
      return {
        embed_tokens: { weight: table, ...(factor !== undefined && { scale: factor }), ...positions },
        norm: free,
        lm_head: {
          weight: table,
          projection: this.matrix('lm_head.projection', [D, first]),
          ...this.headBias(),
          ...scaling,
        },
      };
    }
    const weight = this.matrix('lm_head.weight', [lm_head.weight.shape[0], last]);
    const ends: { embed_tokens: Embedding<WeightOutline>; norm: Norm<WeightOutline>; lm_head: Head<WeightOutline> } = {
      embed_tokens: { weight: table, ...positions },
      norm: free,
      lm_head: { weight, ...this.headBias(), ...scaling },
    };
    return ends;
  }

  /** A linear that reads a norm: β of the norm moves into its bias. */
  private reader(
    path: string,
    { weight, bias }: Linear<WeightOutline>,
    norm: Norm<WeightOutline> | undefined,
    width: number,
  ) {
    const [rows] = weight.shape;
    const sliced = { weight: this.matrix(`${path}.weight`, [rows, width]) };
    if (norm?.bias) return { ...sliced, bias: this.matrix(`${path}.bias`, [rows]) };
    return bias ? { ...sliced, bias: this.keep(bias) } : sliced;
  }

  /** A linear that writes into the stream. */
  private writer(path: string, { weight, bias }: Linear<WeightOutline>, width: number) {
    const sliced = { weight: this.matrix(`${path}.weight`, [width, weight.shape[1]]) };
    return bias ? { ...sliced, bias: this.matrix(`${path}.bias`, [width]) } : sliced;
  }

  private positions(width: number): Pick<Embedding<WeightOutline>, 'positions'> {
    const { positions } = this.model.embed_tokens;
    if (!positions) return {};
    const weight = this.matrix('model.embed_positions.weight', [positions.weight.shape[0], width]);
    return { positions: { weight, offset: positions.offset } };
  }

  private headBias(): Pick<Head<WeightOutline>, 'bias'> {
    const { lm_head, norm } = this.model;
    if (norm.bias) return { bias: this.matrix('lm_head.bias', [lm_head.weight.shape[0]]) };
    return lm_head.bias ? { bias: this.keep(lm_head.bias) } : {};
  }

  private matrix(name: string, shape: readonly number[]): WeightOutline {
    return { name, shape, dtype: this.dtype };
  }

  /** What slicing leaves as it is, in a float type. */
  private keep(weight: WeightOutline): WeightOutline {
    if (isFloatType(weight.dtype) && !weight.stored) return weight;
    const known = this.known.get(weight) ?? { name: weight.name, shape: weight.shape, dtype: this.dtype };
    this.known.set(weight, known);
    return known;
  }
}

function scaleFree(norm: Norm<WeightOutline> | undefined): Norm<WeightOutline> | undefined {
  return norm && { kind: 'rms_norm', eps: norm.eps, normalized_size: norm.normalized_size };
}
