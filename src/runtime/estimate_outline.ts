/**
 * @file Device memory of running a model of any shapes, planned from its outline with {@link MemoryLedger}: what `weights.ts`,
 * `model_pass.ts`, `forward.ts`, `compare.ts` and `decode_rate.ts` hold. `estimate.ts` plans dense and sliced models from sizes
 * that are the same in each layer; recipes make layers that differ, with weights that stay packed.
 */
import type { BackendInfo } from '../backend/tensors.ts';
import { type DecoderLayer, linearWeights, type ModelOutline, type WeightOutline } from '../models/decoder_model.ts';
import { packedBytes } from '../models/packed/packing.ts';
import { bytesPerElement } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { isHalved, vocabularyBlockRows } from './budgets.ts';
import { evaluationGroups, PlannedStates, planEmbedding, type RunShape, type WindowPlan } from './estimate.ts';
import type { Held, MemoryLedger, MemoryPart } from './memory_ledger.ts';
import { keptBlockBytes } from './packed_weights.ts';

type Layer = DecoderLayer<WeightOutline>;

export type HalfName = 'attention' | 'mlp';

/** Widths within a layer: rows and columns of its linears. */
export interface LayerWidths {
  /** What the attention half reads, what lies between the halves, what the layer gives. */
  readonly input: number;
  readonly middle: number;
  readonly output: number;
  readonly query: number;
  readonly key: number;
  readonly inner: number;
}

export function layerWidths({ attention, mlp }: Layer): LayerWidths {
  return {
    input: attention.q_proj.weight.shape[1],
    middle: mlp.up_proj.weight.shape[1],
    output: mlp.down_proj.weight.shape[0],
    query: attention.q_proj.weight.shape[0],
    key: attention.k_proj.weight.shape[0],
    inner: mlp.up_proj.weight.shape[0],
  };
}

/** Layers to go through: the first two, the last, and the first of each other shape and packing. */
export function telling(layers: readonly Layer[]): number[] {
  const known = new Set<string>();
  return layers.flatMap((layer, i) => {
    const key = JSON.stringify(layerWeights(layer).map(({ shape, packed }) => [shape, packed]));
    const isNew = !known.has(key);
    known.add(key);
    return isNew || i < 2 || i === layers.length - 1 ? [i] : [];
  });
}

export class OutlinePlanner {
  /** @param backend Linears and heads stay packed where it multiplies by them. */
  constructor(
    readonly ledger: MemoryLedger,
    readonly windows: WindowPlan,
    private readonly backend: Pick<BackendInfo, 'packs' | 'packsBlocks'>,
  ) {}

  /** As `WeightLoader.load`, or with `keeps` as `product`. */
  load(part: MemoryPart, weight: WeightOutline, keeps: boolean): Held {
    const { ledger, backend } = this;
    const { shape, dtype, packed } = weight;
    const blockBytes = keeps ? keptBlockBytes(backend, weight) : undefined;
    if (blockBytes !== undefined) return ledger.holdBytes(part, elementCount(shape) * blockBytes);
    if (keeps && backend.packs && packed?.kind === 'grouped') {
      return ledger.holdBytes(part, packedBytes(shape, packed) + ledger.costs.panelBytes(shape[0], shape[1]));
    }
    return ledger.load(part, elementCount(shape), bytesPerElement(dtype));
  }

  /** All weights of a layer, or of a half. */
  layer(layer: Layer, keeps: boolean, half?: HalfName): Held[] {
    return layerWeights(layer, half).map((weight) => this.load('weights', weight, keeps));
  }

  /** Tables of cos and sin of every position. */
  rotary({ layers }: ModelOutline): Held[] {
    const tables = [...new Set(layers.map(({ attention }) => attention.rotary))];
    return tables.flatMap((rotary) =>
      rotary ? [0, 1].map(() => this.ledger.hold('other', (this.windows.seqlen * rotary.dim) / 2)) : [],
    );
  }

  embed(
    model: ModelOutline,
    batches: readonly number[],
    put: (x: Held, index: number, elements: number) => void,
  ): void {
    const { weight, positions } = model.embed_tokens;
    const [vocab_size, columns] = weight.shape;
    const shape = { vocab_size, position_rows: positions ? positions.weight.shape[0] : 0 } as RunShape;
    const output = layerWidths(model.layers[0]).input;
    planEmbedding(this.ledger, shape, batches, { columns, output, seqlen: this.windows.seqlen }, put);
  }

  /** What a half's output linear reads, made in workspace tensors. @returns Its width. */
  mixed(layer: Layer, half: HalfName, rows: number): number {
    const { ledger } = this;
    const d = layerWidths(layer);
    const { attention, mlp } = layer;
    if (half === 'attention') {
      this.normed(layer, half, 'attention_input', rows);
      this.rounded(attention.q_proj.input, rows, d.input);
      ledger.workspace('query', rows * d.query);
      if (attention.q_norm) ledger.workspace('query_normed', rows * d.query);
      ledger.workspace('key', rows * d.key);
      if (attention.k_norm) ledger.workspace('key_normed', rows * d.key);
      ledger.workspace('value', rows * attention.v_proj.weight.shape[0]);
      ledger.workspace('attention_mixed', rows * d.query);
      return d.query;
    }
    this.normed(layer, half, 'mlp_input', rows);
    this.rounded(mlp.up_proj.input, rows, d.middle);
    if (mlp.gate_proj) ledger.workspace('gate', rows * d.inner);
    if (!mlp.gate_proj || mlp.up_proj.bias || mlp.activation === 'xielu') ledger.workspace('up', rows * d.inner);
    ledger.workspace('mlp_activated', rows * d.inner);
    return d.inner;
  }

  /** What the half's output linear makes before it is added, where anything stands between. */
  branch(layer: Layer, half: HalfName, rows: number): void {
    const { ledger } = this;
    const linear = half === 'attention' ? layer.attention.o_proj : layer.mlp.down_proj;
    const [columns, inputs] = linear.weight.shape;
    this.rounded(linear.input, rows, inputs);
    const norm = half === 'attention' ? layer.attention_output_norm : layer.mlp_output_norm;
    if (!norm && (layer.residual_multiplier ?? 1) === 1) return;
    ledger.workspace(`${half}_output`, rows * columns);
    if (norm) ledger.workspace(`${half}_output_normed`, rows * columns);
  }

  /** @param name Of the workspace tensor; where the norm has no weight, it is one factor a row. */
  normed(layer: Layer, half: HalfName, name: string, rows: number, isTapped = false): void {
    const norm = half === 'attention' ? layer.input_layernorm : layer.post_attention_layernorm;
    const { input, middle } = layerWidths(layer);
    if (!norm) return;
    const isScale = norm.kind === 'rms_norm' && !norm.weight && !norm.bias && !isTapped;
    this.ledger.workspace(
      isScale ? `${name}_scale` : name,
      rows * (isScale ? 1 : half === 'attention' ? input : middle),
    );
  }

  /** What linears that round their input read. */
  rounded(input: unknown, rows: number, columns: number): void {
    if (input) this.ledger.workspace(`quantized_input_${columns}`, rows * columns);
  }

  /** One layer, or half of it, for one batch; the states before are used up. */
  run(layer: Layer, x: Held, rows: number, part?: HalfName): Held {
    const { ledger } = this;
    const d = layerWidths(layer);
    let states = x;
    const add = (half: HalfName, shortcut: unknown, width: number) => {
      if (shortcut) {
        const sum = ledger.hold('activations', rows * width);
        ledger.free(states);
        states = sum;
      }
      this.branch(layer, half, rows);
    };
    if (part !== 'mlp') {
      this.mixed(layer, 'attention', rows);
      if (layer.parallel) this.mixed(layer, 'mlp', rows);
      add('attention', layer.attn_shortcut_Q, layer.parallel ? d.output : d.middle);
    }
    if (part !== 'attention') {
      if (!layer.parallel) this.mixed(layer, 'mlp', rows);
      add('mlp', layer.parallel ? undefined : layer.mlp_shortcut_Q, d.output);
    }
    return states;
  }

  /** `runLayersFrom` over states that are there. */
  layers(
    model: ModelOutline,
    batches: readonly number[],
    states: PlannedStates,
    { keeps = true, onBatch }: { keeps?: boolean; onBatch?: (rows: number, width: number) => void } = {},
  ): void {
    const { ledger } = this;
    for (const index of telling(model.layers)) {
      const layer = model.layers[index];
      const { input, middle, output } = layerWidths(layer);
      const elements = layerWeights(layer).reduce((sum, { shape }) => sum + elementCount(shape), 0);
      const parts = !layer.parallel && isHalved(elements) ? (['attention', 'mlp'] as const) : [undefined];
      for (const part of parts) {
        const weights = this.layer(layer, keeps, part);
        for (const [i, rows] of batches.entries()) {
          const x = states.take(i, rows * (part === 'mlp' ? middle : input));
          if (part !== 'mlp') onBatch?.(rows, input);
          states.put(i, this.run(layer, x, rows, part), rows * (part === 'attention' ? middle : output));
        }
        ledger.sync();
        ledger.free(...weights);
      }
    }
  }

  /** What the head reads of each batch, `first` being the first of them; the states are freed. */
  headInputs(model: ModelOutline, batches: readonly number[], states: PlannedStates, first = 0): Held[] {
    const { ledger } = this;
    ledger.freeWorkspace();
    const { lm_head, layers } = model;
    const width = layerWidths(layers[layers.length - 1]).output;
    const norm = ledger.load('head', width);
    const projection = lm_head.projection && this.load('head', lm_head.projection, false);
    const inputs = batches.map((rows, i) => {
      const hidden = states.take(first + i, rows * width);
      const normed = ledger.hold('activations', rows * width);
      ledger.free(hidden);
      if (!projection) return normed;
      const output = ledger.hold('activations', rows * lm_head.weight.shape[1]);
      ledger.free(normed);
      return output;
    });
    ledger.free(norm, projection);
    return inputs;
  }

  /** Rows of the head that are on the device beside logits of so many tokens. */
  private block({ lm_head }: ModelOutline, rows: number): { size: number; weight: WeightOutline } {
    const [vocabulary, columns] = lm_head.weight.shape;
    const size = vocabularyBlockRows(vocabulary, columns, rows, this.windows.maxTensorBytes);
    return { size, weight: { ...lm_head.weight, shape: [size, columns] } };
  }

  /** `compareHeads`, the dense head's inputs uploaded. */
  bothLogits(dense: ModelOutline, model: ModelOutline, batches: readonly number[]): void {
    const { ledger } = this;
    const columns = dense.lm_head.weight.shape[1];
    const others = batches.map((rows) => ledger.hold('activations', rows * columns));
    const wider = columns > model.lm_head.weight.shape[1] ? dense : model;
    const most = Math.max(...batches);
    const { size } = this.block(wider, 2 * Math.max(wider.lm_head.weight.shape[1], most));
    const states = batches.flatMap((rows) => [
      ledger.holdIds('head', rows),
      ...[4, 4, 8].map((size) => ledger.hold('head', size * rows)),
    ]);
    const held = [model, dense].flatMap(({ lm_head: { weight, bias } }) => [
      this.load('head', { ...weight, shape: [size, weight.shape[1]] }, true),
      bias && this.load('head', { ...bias, shape: [size] }, false),
    ]);
    ledger.workspace('logits', most * size);
    ledger.workspace('dense_logits', most * size);
    ledger.free(...held);
    ledger.sync();
    for (const rows of batches) for (const each of [4, 4, 8]) ledger.read(each * rows);
    ledger.free(...others, ...states);
  }

  /** `tokenLosses`. */
  losses(model: ModelOutline, batches: readonly number[]): void {
    const { ledger } = this;
    const kept = batches.flatMap((rows) => [ledger.hold('head', 4 * rows), ledger.holdIds('head', rows)]);
    const most = Math.max(...batches);
    const { size, weight } = this.block(model, most);
    const held = this.load('head', weight, true);
    ledger.workspace('logits', most * size);
    ledger.free(held);
    ledger.sync();
    for (const rows of batches) ledger.read(4 * rows);
    ledger.free(...kept);
  }

  /** `evaluate` with the groups that may need most; beside the dense model where there is one to compare with. */
  evaluate(model: ModelOutline, dense?: ModelOutline): void {
    const columns = [model, dense ?? model].map(({ lm_head }) => lm_head.weight.shape[1]);
    const groups = evaluationGroups(this.windows, model.config.hidden_size, columns);
    for (const batches of groups) this.group(model, dense, batches);
  }

  private group(model: ModelOutline, dense: ModelOutline | undefined, batches: readonly number[]): void {
    const { ledger } = this;
    const states = new PlannedStates(ledger);
    const counts = ledger.holdIds('other', 64);
    this.embed(model, batches, (x, i, elements) => states.put(i, x, elements));
    const tables = this.rotary(model);
    this.layers(model, batches, states);
    const inputs = this.headInputs(model, batches, states);
    for (const input of inputs) ledger.read(input.bytes / 4);
    if (dense) this.bothLogits(dense, model, batches);
    else this.losses(model, batches);
    ledger.freeWorkspace();
    ledger.free(...inputs, counts, ...tables);
  }
}

/** Every weight that is loaded with a layer, or with a half of it. */
export function layerWeights(layer: Layer, half?: HalfName): WeightOutline[] {
  const { attention, mlp } = layer;
  const halves = {
    attention: {
      norms: [layer.input_layernorm, attention.q_norm, attention.k_norm, layer.attention_output_norm],
      linears: [attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj],
      shortcut: layer.attn_shortcut_Q,
    },
    mlp: {
      norms: [layer.post_attention_layernorm, layer.mlp_output_norm],
      linears: [mlp.gate_proj, mlp.up_proj, mlp.down_proj],
      shortcut: layer.mlp_shortcut_Q,
    },
  };
  const wanted = half ? [halves[half]] : [halves.attention, halves.mlp];
  const found = [
    ...wanted.flatMap(({ norms }) => norms.flatMap((norm) => (norm ? [norm.weight, norm.bias] : []))),
    ...wanted.flatMap(({ linears }) => linears.flatMap((linear) => (linear ? linearWeights(linear) : []))),
    ...wanted.map(({ shortcut }) => shortcut),
  ];
  return found.filter((weight): weight is WeightOutline => weight !== undefined);
}
