/** @file All that is measured or counted of a run: an axis of the front, a column of the table, a field of the CSV each. */
import type { ExportReport, ModelSummary, PerplexityReport } from '../../engine/protocol.ts';
import type { Results, Run } from './results.ts';
import type { Settings } from './settings.ts';
import { chosenPrecision, fileSize } from './sizes.ts';

/** A figure with its standard error; null where it has none. */
export interface Figure {
  value: number;
  error: number | null;
}

export interface QuantityMeaning {
  label: string;
  /** Where there is little room. */
  short: string;
  help: string;
  /** More is better. */
  rises: boolean;
  /** How it is written: see `charts/scales.ts`. */
  unit: 'perplexity' | 'nats' | 'share' | 'change' | 'ratio' | 'bytes' | 'bits' | 'count' | 'rate';
  /** As report.json calls it; with `error`, that of its standard error. */
  field: string;
  error?: string;
}

const KL = 'Kullback–Leibler divergence from the dense model, nats a token';

export const QUANTITIES = {
  perplexity: {
    ...{ label: 'perplexity', short: 'perplexity', rises: false, unit: 'perplexity' },
    ...{ help: 'With its standard error over windows', field: 'perplexity', error: 'perplexity_error' },
  },
  ratio: {
    ...{ label: 'perplexity ratio to the dense model', short: 'ratio', rises: false, unit: 'ratio' },
    ...{ help: 'Perplexity as a multiple of the dense model’s', field: 'perplexity_ratio' },
  },
  kl: {
    ...{ label: 'KL divergence', short: 'KL', rises: false, unit: 'nats' },
    ...{ help: `${KL}, mean`, field: 'kl_divergence', error: 'kl_error' },
  },
  kl_median: {
    ...{ label: 'KL divergence, median', short: 'KL median', rises: false, unit: 'nats' },
    ...{ help: `${KL}: of half of the tokens it is less`, field: 'kl_median' },
  },
  kl_p99: {
    ...{ label: 'KL divergence, 99th percentile', short: 'KL 99 %', rises: false, unit: 'nats' },
    ...{ help: `${KL}: of one token in a hundred it is more`, field: 'kl_p99' },
  },
  top1: {
    ...{ label: 'top-1 agreement', short: 'top-1', rises: true, unit: 'share' },
    ...{ help: 'How often its most likely token is the dense model’s', field: 'top1_agreement', error: 'top1_error' },
  },
  probability_mean: {
    ...{ label: 'change of the right token’s probability', short: 'Δp mean', rises: true, unit: 'change' },
    ...{ help: 'Mean change of the right token’s probability', field: 'probability_change_mean' },
  },
  probability_rms: {
    ...{ label: 'RMS change of the right token’s probability', short: 'Δp RMS', rises: false, unit: 'share' },
    ...{ help: 'Root mean square of the change of the right token’s probability', field: 'probability_change_rms' },
  },
  bytes: {
    ...{ label: 'size of the weights', short: 'size', rises: false, unit: 'bytes' },
    ...{ help: 'Of the weights, in the precision chosen for the export', field: 'bytes' },
  },
  memory: {
    ...{ label: 'memory of the weights', short: 'memory', rises: false, unit: 'bytes' },
    ...{ help: 'Of the weights as this page holds them', field: 'stored_bytes' },
  },
  bits: {
    ...{ label: 'bits a weight', short: 'bits/w', rises: false, unit: 'bits' },
    ...{ help: 'Bits for each parameter of the dense model', field: 'bits_per_weight' },
  },
  parameters: {
    ...{ label: 'parameters', short: 'parameters', rises: false, unit: 'count' },
    ...{ help: 'Numbers that are stored; of a pruned matrix those that are kept', field: 'parameters' },
  },
  multiplications: {
    ...{ label: 'products a token (MACs)', short: 'products', rises: false, unit: 'count' },
    ...{ help: 'Multiplications of weights with activations, zeros not counted', field: 'multiplications_per_token' },
  },
  prefill: {
    ...{ label: 'tokens/s, whole text', short: 'tokens/s', rises: true, unit: 'rate' },
    ...{ help: 'Whole windows at once, while perplexity was measured', field: 'tokens_per_second' },
  },
  decode: {
    ...{ label: 'tokens/s, one by one', short: 'one by one', rises: true, unit: 'rate' },
    ...{
      help: 'Tokens per second, one after another; of a file in its own runtime',
      field: 'decode_tokens_per_second',
    },
  },
} as const satisfies Record<string, QuantityMeaning>;

export type Quantity = keyof typeof QUANTITIES;
export const QUANTITY_NAMES = Object.keys(QUANTITIES) as Quantity[];

export function meaningOf(quantity: Quantity): QuantityMeaning {
  return QUANTITIES[quantity];
}

/** A quantity in a file, and its standard error where it has one: all digits, called as in report.json. */
export function figureColumns<Row>(
  quantity: Quantity,
  figuresOf: (row: Row) => Figures,
): { name: string; value: (row: Row) => number | null | undefined }[] {
  const { field, error } = meaningOf(quantity);
  const columns = [{ name: field, value: (row: Row): number | null | undefined => figuresOf(row)[quantity]?.value }];
  return error ? [...columns, { name: error, value: (row: Row) => figuresOf(row)[quantity]?.error }] : columns;
}

/** What is known of a model or a run; absent where it was not measured. */
export type Figures = Partial<Record<Quantity, Figure>>;

export function denseFigures(model: ModelSummary, dense: PerplexityReport | null): Figures {
  const { bytes, parameters, multiplications_per_token } = model;
  return present({
    ...qualities(dense, dense),
    ...sizes(model, { bytes, memory: bytes, parameters, multiplications_per_token }),
  });
}

export function runFigures(
  { dense }: Pick<Results, 'dense'>,
  model: ModelSummary,
  run: Run,
  settings: Pick<Settings, 'export'>,
): Figures {
  const bytes = fileSize(model, run, chosenPrecision(settings));
  const { stored_bytes: memory, parameters, multiplications_per_token } = run.report;
  const counted = { bytes, memory, parameters, multiplications_per_token };
  return present({ ...qualities(run.perplexity, dense), ...sizes(model, counted) });
}

/** Of a verified file: its own perplexity, divergence, bytes and speed, and what it has in common with its model. */
export function fileFigures(
  model: ModelSummary,
  { parameters, multiplications }: Figures,
  { bytes, perplexity, divergence, decode, dense }: MeasuredFile,
): Figures {
  return present({
    perplexity: exact(perplexity),
    ratio: dense ? exact(perplexity / dense.perplexity) : undefined,
    ...divergences(divergence),
    decode: exact(decode),
    bytes: exact(bytes),
    bits: exact((8 * bytes) / model.parameters),
    parameters,
    multiplications,
  });
}

type Found = Partial<Record<Quantity, Figure | undefined>>;

function qualities(measured: PerplexityReport | null, dense: PerplexityReport | null): Found {
  if (!measured) return {};
  const { perplexity, relative_spread, divergence, tokens_per_second, decode_tokens_per_second } = measured;
  return {
    perplexity: { value: perplexity, error: relative_spread === null ? null : perplexity * relative_spread },
    ratio: dense && dense !== measured ? exact(perplexity / dense.perplexity) : undefined,
    ...divergences(divergence),
    prefill: exact(tokens_per_second),
    decode: exact(decode_tokens_per_second),
  };
}

function divergences(divergence: PerplexityReport['divergence']): Found {
  if (!divergence) return {};
  return {
    kl: { value: divergence.kl_divergence, error: divergence.kl_error },
    kl_median: exact(divergence.kl_median),
    kl_p99: exact(divergence.kl_p99),
    top1: { value: divergence.top1_agreement, error: divergence.top1_error },
    probability_mean: exact(divergence.probability_change.mean),
    probability_rms: exact(divergence.probability_change.rms),
  };
}

interface MeasuredFile extends Pick<ExportReport, 'perplexity' | 'divergence'> {
  bytes: number;
  /** Tokens per second, one after another, in the runtime that it is for; absent where it never wrote a text. */
  decode?: number;
  dense: PerplexityReport | null;
}

interface Sizes {
  bytes: number;
  memory: number;
  parameters: number;
  multiplications_per_token?: number;
}

function sizes({ parameters: dense }: ModelSummary, { bytes, memory, parameters, multiplications_per_token }: Sizes) {
  return {
    bytes: exact(bytes),
    memory: exact(memory),
    bits: exact((8 * bytes) / dense),
    parameters: exact(parameters),
    multiplications: exact(multiplications_per_token),
  };
}

function exact(value: number | undefined): Figure | undefined {
  return value === undefined ? undefined : { value, error: null };
}

function present(found: Found): Figures {
  return Object.fromEntries(Object.entries(found).filter(([, figure]) => figure !== undefined)) as Figures;
}
