/**
 * @file Device memory of the forward pass and of the head, planned from shapes with {@link MemoryLedger}: what `embed.ts`,
 * `model_pass.ts`, `forward.ts` and `head.ts` hold, in their order.
 */
import { isHalved, largestGroup, MAX_TABLE_BYTES, vocabularyBlockRows } from './budgets.ts';
import type { Held, MemoryLedger } from './memory_ledger.ts';
import { windowsPerBatch } from './windows.ts';

/** The sizes of a model that the runtime's memory depends on. */
export interface RunShape {
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  query_size: number;
  key_value_size: number;
  vocab_size: number;
  parallel: boolean;
  gated: boolean;
  /** The up projection has a bias, so that its product is written before it is gated. */
  up_bias: boolean;
  /** Tensors that a branch lies in before it is added: none as a rule, one where it is scaled, two where it is normed. */
  branch_tensors: number;
  /** Elements of the norms of queries and keys of one layer. */
  head_norms: number;
  head_dim?: number;
  position_rows: number;
  /** Biases: their number matters little, their presence is counted as if all were there. */
  biased: boolean;
  /** Norms have weights: dense models. Without them no normed states are written. */
  norm_weights: boolean;
}

/** Dimensions of the residual stream where a layer reads, between its halves, and where it writes. */
export interface LayerDimensions {
  input: number;
  middle: number;
  output: number;
  /** Residual connections carry matrices. */
  shortcuts: boolean;
}

export interface WindowPlan {
  seqlen: number;
  count: number;
  /** Rows that go through a layer together, at most; at least one window. */
  rowsPerBatch: number;
  maxTensorBytes: number;
}

/** Rows of each batch. */
export function batchRows({ seqlen, rowsPerBatch }: WindowPlan, count: number): number[] {
  const size = windowsPerBatch({ seqlen }, rowsPerBatch);
  const rows: number[] = [];
  for (let first = 0; first < count; first += size) rows.push(seqlen * Math.min(size, count - first));
  return rows;
}

/**
 * Batches of the groups that an evaluation may need most for: the largest; and, as blocks of the vocabulary are the larger the fewer
 * tokens a batch has, those of about as many tokens as the head has columns. How large a group is depends on how fast the device is.
 */
export function evaluationGroups(windows: WindowPlan, hiddenSize: number, columns: readonly number[]): number[][] {
  const { seqlen, count } = windows;
  const largest = largestGroup(count, seqlen, hiddenSize);
  const fewer = columns.flatMap((width) => [Math.floor(width / seqlen), Math.ceil(width / seqlen)]);
  const counts = new Set([...fewer.map((group) => Math.max(1, Math.min(group, largest))), largest]);
  return [...counts].map((group) => batchRows(windows, group));
}

/** States of batches, resident up to a budget as in `spill.ts`. */
export class PlannedStates {
  private readonly resident = new Map<number, Held>();
  private residentBytes = 0;
  /** Bytes of all states that do not fit the budget. */
  spilledBytes = 0;

  constructor(
    private readonly ledger: MemoryLedger,
    private readonly budgetBytes = Number.POSITIVE_INFINITY,
  ) {}

  /** Gives a held tensor of so many elements into the store. */
  put(index: number, states: Held, elements: number): void {
    const bytes = 4 * elements;
    if (this.residentBytes + bytes <= this.budgetBytes) {
      this.residentBytes += bytes;
      this.resident.set(index, states);
      return;
    }
    this.spilledBytes += bytes;
    this.ledger.read(elements);
    this.ledger.free(states);
  }

  take(index: number, elements: number): Held {
    const held = this.resident.get(index);
    if (!held) {
      this.spilledBytes -= 4 * elements;
      return this.ledger.hold('activations', elements);
    }
    this.resident.delete(index);
    this.residentBytes -= 4 * elements;
    return held;
  }

  clear(): void {
    this.ledger.free(...this.resident.values());
    this.resident.clear();
    this.residentBytes = 0;
    this.spilledBytes = 0;
  }
}

/** `embedTokens`: at most as many table rows as there are tokens of the vocabulary or of the windows. */
export function planEmbedding(
  ledger: MemoryLedger,
  shape: RunShape,
  batches: readonly number[],
  table: { columns: number; output: number; seqlen: number },
  onBatch: (states: Held, index: number, elements: number) => void,
): void {
  const { columns, output, seqlen } = table;
  const positions = shape.position_rows > 0 ? ledger.load('other', seqlen * output) : undefined;
  const total = batches.reduce((sum, rows) => sum + rows, 0);
  const tableRows = Math.min(
    shape.vocab_size,
    total,
    Math.max(Math.max(...batches), Math.floor(MAX_TABLE_BYTES / (4 * columns))),
  );
  let rows = ledger.load('head', tableRows * columns);
  if (output !== columns) {
    const projection = ledger.load('head', columns * output);
    const projected = ledger.hold('head', tableRows * output);
    ledger.free(projection, rows);
    rows = projected;
  }
  for (const [i, count] of batches.entries()) {
    const states = ledger.hold('activations', count * output);
    const ids = ledger.holdIds('other', count);
    ledger.free(ids);
    if (positions) {
      ledger.workspace('position_embeddings', count * output);
      ledger.free(ledger.holdIds('other', count));
    }
    onBatch(states, i, count * output);
  }
  ledger.free(rows, positions);
}

const biasOf = (shape: RunShape, size: number) => (shape.biased ? size : 0);

function loadAll(ledger: MemoryLedger, sizes: readonly number[]): Held[] {
  return sizes.filter((size) => size > 0).map((size) => ledger.load('weights', size));
}

function attentionSizes(shape: RunShape, d: LayerDimensions): number[] {
  const { query_size: q, key_value_size: kv } = shape;
  const output = shape.parallel ? d.output : d.middle;
  return [
    ...(shape.norm_weights ? [d.input, biasOf(shape, d.input)] : []),
    ...[q * d.input, biasOf(shape, q), kv * d.input, biasOf(shape, kv), kv * d.input, biasOf(shape, kv)],
    ...[output * q, biasOf(shape, output), shape.head_norms],
    d.shortcuts ? d.input * output : 0,
  ];
}

function mlpSizes(shape: RunShape, d: LayerDimensions): number[] {
  const { intermediate_size: F } = shape;
  const input = shape.parallel ? d.input : d.middle;
  return [
    ...(shape.norm_weights ? [input, biasOf(shape, input)] : []),
    ...(shape.gated ? [F * input, biasOf(shape, F)] : []),
    ...[F * input, biasOf(shape, F), d.output * F, biasOf(shape, d.output)],
    d.shortcuts && !shape.parallel ? input * d.output : 0,
  ];
}

/** Weights of an attention half as they are loaded. */
export function planAttentionWeights(ledger: MemoryLedger, shape: RunShape, d: LayerDimensions): Held[] {
  return loadAll(ledger, attentionSizes(shape, d));
}

export function planMlpWeights(ledger: MemoryLedger, shape: RunShape, d: LayerDimensions): Held[] {
  return loadAll(ledger, mlpSizes(shape, d));
}

export function planAttentionWorkspace(
  ledger: MemoryLedger,
  shape: RunShape,
  rows: number,
  input: number,
  output: number,
) {
  const { query_size: q, key_value_size: kv } = shape;
  planInput(ledger, shape, 'attention_input', rows, input);
  ledger.workspace('query', rows * q);
  if (shape.head_norms > 0) ledger.workspace('query_normed', rows * q);
  ledger.workspace('key', rows * kv);
  if (shape.head_norms > 0) ledger.workspace('key_normed', rows * kv);
  ledger.workspace('value', rows * kv);
  ledger.workspace('attention_mixed', rows * q);
  planBranch(ledger, shape, 'attention_output', rows * output);
}

/** The normed states, or what scales the rows of products of the states themselves. */
function planInput(ledger: MemoryLedger, shape: RunShape, name: string, rows: number, columns: number): void {
  if (shape.norm_weights) ledger.workspace(name, rows * columns);
  else ledger.workspace(`${name}_scale`, rows);
}

function planBranch(ledger: MemoryLedger, { branch_tensors }: RunShape, name: string, elements: number): void {
  for (let i = 0; i < branch_tensors; i++) ledger.workspace(`${name} ${i}`, elements);
}

/** What a residual connection carries: a new tensor, and x is freed; x itself where there is no matrix. */
export function planResidual(ledger: MemoryLedger, x: Held, elements: number, hasShortcut: boolean): Held {
  if (!hasShortcut) return x;
  const sum = ledger.hold('activations', elements);
  ledger.free(x);
  return sum;
}

export function planMlpWorkspace(ledger: MemoryLedger, shape: RunShape, rows: number, input: number, output: number) {
  const { intermediate_size: F } = shape;
  planInput(ledger, shape, 'mlp_input', rows, input);
  if (shape.gated) ledger.workspace('gate', rows * F);
  if (!shape.gated || shape.up_bias) ledger.workspace('up', rows * F);
  ledger.workspace('mlp_activated', rows * F);
  planBranch(ledger, shape, 'mlp_output', rows * output);
}

export function planRotary(ledger: MemoryLedger, shape: RunShape, seqlen: number): Held[] {
  if (shape.position_rows > 0) return [];
  const half = (shape.head_dim ?? Math.min(128, shape.query_size)) / 2;
  return [ledger.hold('other', seqlen * half), ledger.hold('other', seqlen * half)];
}

/** Layers that a plan has to go through: the first two, the last, and those whose dimensions are others. */
export function plannedLayers(count: number, dimensions: (layer: number) => LayerDimensions): number[] {
  const key = (layer: number) => JSON.stringify(dimensions(layer));
  const usual = count > 1 ? key(1) : '';
  return Array.from({ length: count }, (_, layer) => layer).filter(
    (layer) => layer < 2 || layer === count - 1 || key(layer) !== usual,
  );
}

/** What is loaded together: a layer, or half of a large one. */
export type PlannedHalf = 'attention' | 'mlp' | undefined;

/**
 * `runLayersOver` behind the embedding. `onPart` plans what its observer does behind a layer or a half of one, with the weights
 * freed. @returns Tables that stay until the pass has ended.
 */
export function planLayers(
  ledger: MemoryLedger,
  shape: RunShape,
  windows: WindowPlan,
  batches: readonly number[],
  states: PlannedStates,
  dimensions: (layer: number) => LayerDimensions,
  observer: { onTaps?(half: PlannedHalf): void; onPart?(): void } = {},
): Held[] {
  const tables = planRotary(ledger, shape, windows.seqlen);
  const total = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size, 0);
  for (const layer of plannedLayers(shape.num_hidden_layers, dimensions)) {
    const d = dimensions(layer);
    const elements = total(attentionSizes(shape, d)) + total(mlpSizes(shape, d));
    const halves: PlannedHalf[] = !shape.parallel && isHalved(elements) ? ['attention', 'mlp'] : [undefined];
    for (const half of halves) {
      const weights = [
        ...(half === 'mlp' ? [] : planAttentionWeights(ledger, shape, d)),
        ...(half === 'attention' ? [] : planMlpWeights(ledger, shape, d)),
      ];
      for (const [i, rows] of batches.entries()) {
        let width = half === 'mlp' ? d.middle : d.input;
        let x = states.take(i, rows * width);
        if (half !== 'mlp') planAttentionWorkspace(ledger, shape, rows, d.input, shape.parallel ? d.output : d.middle);
        observer.onTaps?.(half);
        if (half !== 'mlp' && !shape.parallel) {
          x = planResidual(ledger, x, rows * d.middle, d.shortcuts);
          width = d.middle;
        }
        if (half !== 'attention') {
          planMlpWorkspace(ledger, shape, rows, shape.parallel ? d.input : d.middle, d.output);
          x = planResidual(ledger, x, rows * d.output, d.shortcuts);
          width = d.output;
        }
        states.put(i, x, rows * width);
      }
      ledger.sync();
      ledger.free(...weights);
      observer.onPart?.();
    }
  }
  return tables;
}

/** `tokenLosses` over a group of batches. */
function planHead(
  ledger: MemoryLedger,
  shape: RunShape,
  windows: WindowPlan,
  batches: readonly number[],
  states: PlannedStates,
  head: { input: number; columns: number; dense?: number },
): void {
  ledger.freeWorkspace();
  const norm = ledger.load('head', head.input);
  const projection = head.input === head.columns ? undefined : ledger.load('head', head.input * head.columns);
  const inputs = batches.map((rows, i) => {
    const hidden = states.take(i, rows * head.input);
    const normed = ledger.hold('activations', rows * head.input);
    ledger.free(hidden);
    if (!projection) return normed;
    const output = ledger.hold('activations', rows * head.columns);
    ledger.free(normed);
    return output;
  });
  ledger.free(norm, projection);
  for (const input of inputs) ledger.read(input.bytes / 4);
  if (head.dense) {
    planBothLogits(ledger, shape, windows, batches, [head.dense, head.columns]);
    ledger.free(...inputs);
    return;
  }
  const kept = [
    ...batches.map((rows) => ledger.hold('head', 4 * rows)),
    ...batches.map((rows) => ledger.holdIds('head', rows)),
  ];
  const most = Math.max(...batches);
  const block = vocabularyBlockRows(shape.vocab_size, head.columns, most, windows.maxTensorBytes);
  const weight = ledger.load('head', block * head.columns);
  const bias = shape.biased ? ledger.load('head', block) : undefined;
  ledger.workspace('logits', most * block);
  ledger.free(weight, bias);
  ledger.sync();
  for (const rows of batches) ledger.read(4 * rows);
  ledger.free(...inputs, ...kept);
}

/** `compareHeads`, the dense head's inputs uploaded. @param columns Of the dense head's table, and of its own. */
function planBothLogits(
  ledger: MemoryLedger,
  shape: RunShape,
  windows: WindowPlan,
  batches: readonly number[],
  columns: readonly [dense: number, own: number],
): void {
  const others = batches.map((rows) => ledger.hold('activations', rows * columns[0]));
  const [most, widest] = [Math.max(...batches), Math.max(...columns)];
  const rowsOfBoth = 2 * Math.max(widest, most);
  const block = vocabularyBlockRows(shape.vocab_size, widest, rowsOfBoth, windows.maxTensorBytes);
  const states = batches.flatMap((rows) => [
    ledger.holdIds('head', rows),
    ...[4, 4, 8].map((size) => ledger.hold('head', size * rows)),
  ]);
  const held = [...columns].reverse().flatMap((width) => {
    const weight = ledger.load('head', block * width);
    return shape.biased ? [weight, ledger.load('head', block)] : [weight];
  });
  ledger.workspace('logits', most * block);
  ledger.workspace('dense_logits', most * block);
  ledger.free(...held);
  ledger.sync();
  for (const rows of batches) for (const size of [4, 4, 8]) ledger.read(size * rows);
  ledger.free(...others, ...states);
}

/** `evaluate` with the groups that may need most; with `head.dense` beside a dense model whose head reads that many columns. */
export function planEvaluation(
  ledger: MemoryLedger,
  shape: RunShape,
  windows: WindowPlan,
  dimensions: (layer: number) => LayerDimensions,
  head: { table: number; columns: number; dense?: number },
): void {
  const { table, columns, dense } = head;
  for (const batches of evaluationGroups(windows, shape.hidden_size, [columns, dense ?? columns])) {
    const states = new PlannedStates(ledger);
    const first = dimensions(0).input;
    const last = dimensions(shape.num_hidden_layers - 1).output;
    const counts = ledger.holdIds('other', 64);
    const place = { columns: table, output: first, seqlen: windows.seqlen };
    planEmbedding(ledger, shape, batches, place, (x, i, elements) => states.put(i, x, elements));
    const tables = planLayers(ledger, shape, windows, batches, states, dimensions);
    planHead(ledger, shape, windows, batches, states, { input: last, columns, dense });
    ledger.freeWorkspace();
    ledger.free(counts, ...tables);
  }
}
