/**
 * @file What a slicing costs, from shapes alone: parameters of a sliced model, part by part. Pure. Formulas: the official
 * counts (slicegpt.md §7), DESIGN.md *Head*.
 */
import type { HeadKind } from './plan.ts';
import type { SiteDimensions } from './sites.ts';

/** The sizes that a parameter count depends on, and what the dense file stores. */
export interface ModelShape {
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  /** heads · head_dim, and kv_heads · head_dim. */
  query_size: number;
  key_value_size: number;
  /** Of one head; only the memory plan needs it. */
  head_dim?: number;
  vocab_size: number;
  tied: boolean;
  /** Attention and MLP of a layer read the same input, and there is one site and one shortcut a layer. */
  parallel: boolean;
  /** The MLP has a gate. */
  gated: boolean;
  attention_bias: { q: boolean; k: boolean; v: boolean; o: boolean };
  /** Learned numbers of a layer's activation (xIELU). */
  activation_parameters?: number;
  mlp_bias: { gate: boolean; up: boolean; down: boolean };
  /** The norms are LayerNorms: the residual stream is centred by fusion. */
  layer_norm: boolean;
  /** The layers' norms have a bias, which fusion moves into the linears that read them. */
  norm_bias: boolean;
  final_norm: { weight: boolean; bias: boolean };
  head_bias: boolean;
  /** Rows of the table of learned positions; 0 without one. */
  position_rows: number;
  /** Elements of the embedding's own norm, and of the norms of queries and keys of one layer. */
  embedding_norm: number;
  head_norms: number;
  /** Bytes per element that sliced weights are stored with. */
  bytes_per_element: number;
  dense: PartSizes;
  /** Bytes of the same parts as the file stores them. */
  dense_bytes?: PartSizes;
  /** Tensors that a branch lies in before it is added to the residual stream; only the memory plan needs it. */
  branch_tensors?: number;
  /** Why SliceGPT cannot slice this model; absent where it can. */
  slicing_refusal?: string;
}

/** Elements of each part of a model. */
export interface PartSizes {
  embedding: number;
  attention: number;
  mlp: number;
  shortcuts: number;
  norms: number;
  /** The head's own matrices; zero where it shares the embedding. */
  head: number;
}

export function emptyParts(): PartSizes {
  return { embedding: 0, attention: 0, mlp: 0, shortcuts: 0, norms: 0, head: 0 };
}

export function totalElements(parts: PartSizes): number {
  return parts.embedding + parts.attention + parts.mlp + parts.shortcuts + parts.norms + parts.head;
}

/** Elements of the sliced model by part. `dimensions` has one number a site, as `constantDimensions` gives them. */
export function slicedParts(shape: ModelShape, dimensions: SiteDimensions, head: HeadKind): PartSizes {
  const parts = emptyParts();
  for (let layer = 0; layer < shape.num_hidden_layers; layer++) {
    const [input, middle, output] = layerDimensions(shape, dimensions, layer);
    addLayer(parts, shape, input, middle, output);
  }
  addEnds(parts, shape, dimensions[0], head, dimensions[dimensions.length - 1]);
  return parts;
}

/** Dimensions that a layer reads, that its MLP reads, and that it writes. */
function layerDimensions({ parallel }: ModelShape, d: SiteDimensions, layer: number): [number, number, number] {
  return parallel ? [d[layer], d[layer], d[layer + 1]] : [d[2 * layer], d[2 * layer + 1], d[2 * layer + 2]];
}

function addLayer(parts: PartSizes, shape: ModelShape, input: number, middle: number, output: number): void {
  const { query_size: q, key_value_size: kv, intermediate_size: F, attention_bias: a, mlp_bias: m, norm_bias } = shape;
  const attended = shape.parallel ? output : middle; // what o_proj writes
  const has = (own: boolean, size: number) => (own || norm_bias ? size : 0);
  parts.attention += (q + 2 * kv) * input + attended * q;
  parts.attention += has(a.q, q) + has(a.k, kv) + has(a.v, kv) + (a.o ? attended : 0);
  parts.mlp += F * middle * (shape.gated ? 2 : 1) + output * F;
  parts.mlp += shape.activation_parameters ?? 0;
  parts.mlp += (shape.gated ? has(m.gate, F) : 0) + has(m.up, F) + (m.down ? output : 0);
  parts.shortcuts += shape.parallel ? input * output : input * middle + middle * output;
  parts.norms += shape.head_norms;
}

function addEnds(parts: PartSizes, shape: ModelShape, first: number, head: HeadKind, last: number): void {
  const { hidden_size: D, vocab_size: V, final_norm } = shape;
  const fusedBias = shape.head_bias || final_norm.bias ? V : 0;
  parts.embedding += shape.position_rows * first;
  switch (head) {
    case 'untied':
    case 'sliced':
      parts.embedding += V * first;
      parts.head += V * last + fusedBias;
      break;
    case 'tied': // one original table, entered through a (D, d) projection; the norms at both ends stay
      parts.embedding += V * D + D * first;
      parts.norms += (final_norm.weight ? D : 0) + (final_norm.bias ? D : 0) + shape.embedding_norm;
      parts.head += shape.head_bias ? V : 0;
      break;
    case 'tied-sliced': // one (V, d) table, left through a (D, d) projection
      parts.embedding += V * first;
      parts.head += D * first + fusedBias;
      break;
  }
}
