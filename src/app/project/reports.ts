/**
 * @file What the engine reports, as it stands in a project file: read with every field checked, because a file can come from
 * anywhere. Fields that this version does not know are left out.
 */
import * as v from 'valibot';
import type {
  BasesReport,
  ModelSummary,
  PerplexityReport,
  ProtocolReport,
  RunReport,
  SiteReport,
  StepReport,
  TaskReport,
  TaskScore,
  TrainingReport,
  WorstCertificate,
} from '../../engine/protocol.ts';
import type { Results } from '../store/results.ts';

/** JSON has no word for numbers that are not finite. */
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'] as const;

/** Beyond, charts and plans would be drawn for minutes; no model comes near. */
export const MOST_LAYERS = 10_000;
const MOST_ITEMS = 1_000_000;

export const number = v.union([v.number(), v.pipe(v.picklist(NOT_FINITE), v.transform(Number))]);
export const whole = (least = 0, most = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
export const text = (most = 100_000) => v.pipe(v.string(), v.maxLength(most));
export const list = <T extends v.GenericSchema>(item: T, most = MOST_ITEMS) => v.pipe(v.array(item), v.maxLength(most));
const floats = v.pipe(
  list(number, 65_536),
  v.transform((values) => Float64Array.from(values)),
);

type Schema<T> = v.GenericSchema<unknown, T>;

const PARTS = ['embedding', 'attention', 'mlp', 'shortcuts', 'norms', 'head'] as const;
export const parts = v.object(v.entriesFromList(PARTS, whole()));
const flags = <const K extends readonly string[]>(names: K) => v.object(v.entriesFromList(names, v.boolean()));

const shape: Schema<ModelSummary['shape']> = v.object({
  ...v.entriesFromList(['hidden_size', 'intermediate_size', 'query_size', 'key_value_size'], whole(1, 65_536 * 16)),
  ...{ num_hidden_layers: whole(1, MOST_LAYERS), vocab_size: whole(1, 2 ** 31) },
  ...v.entriesFromList(['position_rows', 'embedding_norm', 'head_norms'], whole()),
  ...v.entriesFromList(['head_dim', 'activation_parameters', 'branch_tensors'], v.optional(whole())),
  ...v.entriesFromList(['tied', 'parallel', 'gated', 'layer_norm', 'norm_bias', 'head_bias'], v.boolean()),
  attention_bias: flags(['q', 'k', 'v', 'o']),
  mlp_bias: flags(['gate', 'up', 'down']),
  final_norm: flags(['weight', 'bias']),
  bytes_per_element: number,
  dense: parts,
  dense_bytes: v.optional(v.object(v.entriesFromList(PARTS, number))),
  slicing_refusal: v.optional(text()),
});

export const model: Schema<ModelSummary> = v.object({
  ...v.entriesFromList(['name', 'architecture', 'model_type', 'positions', 'dtype', 'tokenizer'], text()),
  fingerprint: v.pipe(text(200), v.minLength(1)),
  norm: v.picklist(['rms_norm', 'layer_norm']),
  ...v.entriesFromList(['parameters', 'bytes', 'multiplications_per_token'], number),
  ...v.entriesFromList(
    ['num_attention_heads', 'num_key_value_heads', 'head_dim', 'max_position_embeddings'],
    whole(0, 2 ** 31),
  ),
  files: list(v.object({ name: text(), bytes: number })),
  has_chat_template: v.optional(v.boolean()),
  has_bos: v.optional(v.boolean()),
  shape,
  tensors: list(v.object({ name: text(), dtype: text(), shape: list(whole(), 16), bytes: number })),
  warnings: list(text()),
});

const textReport = { name: text(), tokens: whole(), at_least: v.optional(v.boolean()), digest: v.optional(text(64)) };

export const protocol: Schema<ProtocolReport> = v.object({
  ...v.entriesFromList(['seqlen', 'samples', 'eval_samples'], whole(1)),
  calibration: v.object({ ...textReport, seqlen: v.optional(whole(1)) }),
  evaluation: v.object(textReport),
  shared_windows: v.optional(whole()),
  bos: v.picklist(['none', 'first', 'each']),
  tokenizer: text(),
});

export const perplexity: Schema<PerplexityReport> = v.object({
  target: text(200),
  perplexity: number,
  relative_spread: v.nullable(number),
  tokens_per_second: number,
  tokens: number,
  window_losses: list(number),
  decode_tokens_per_second: v.optional(number),
  comparison_ms: v.optional(number),
  divergence: v.optional(
    v.object({
      ...v.entriesFromList(
        ['kl_divergence', 'kl_error', 'kl_median', 'kl_p99', 'top1_agreement', 'top1_error'],
        number,
      ),
      probability_change: v.object({ mean: number, rms: number }),
    }),
  ),
  protocol,
});

type Verdict = WorstCertificate['verdict'];
const verdict = v.pipe(
  text(),
  v.check((words) => /^(?:as good as f64|good|poor: .*)$/.test(words), 'a verdict'),
  v.transform((words) => words as Verdict),
);

export const worst: Schema<WorstCertificate> = v.object({
  ...v.entriesFromList(
    [
      ...(['max_orthogonality_error', 'max_residual', 'max_orthogonality_ulp', 'max_residual_ulp'] as const),
      ...([
        'max_kept_energy_loss',
        'measured_losses',
        'sites',
        'deflated_sites',
        'min_rank',
        'overfull_sites',
      ] as const),
    ],
    number,
  ),
  verdict,
});

export const site: Schema<SiteReport> = v.object({
  site: whole(0, 2 * MOST_LAYERS),
  label: text(),
  eigenvalues: floats,
  dimension: whole(),
  discarded_energy: number,
  certificate: v.object({
    ...v.entriesFromList(
      [
        ...(['orthogonality_error', 'residual', 'orthogonality_ulp', 'residual_ulp', 'ulp'] as const),
        ...(['rank', 'deflated', 'sweeps'] as const),
      ],
      number,
    ),
    measured: v.picklist(['exact', 'probes']),
    kept_energy: v.object({ loss: number, kind: v.picklist(['measured', 'bound']), dimension: number }),
    verdict,
    solver: text(),
  }),
});

export const trainingPoint = v.object({
  step: whole(),
  training_loss: v.optional(number),
  held_out_loss: number,
  held_out_perplexity: number,
});

const training: Schema<TrainingReport> = v.object({
  objective: text(),
  windows: v.object({ training: number, held_out: number, seqlen: number }),
  ...v.entriesFromList(['trained_parameters', 'steps', 'best_step', 'tokens_per_second'], number),
  curve: list(trainingPoint),
  stored_held_out_loss: v.optional(number),
  adapter: v.optional(v.object(v.entriesFromList(['rank', 'alpha', 'linears', 'parameters'], number))),
  no_adapter: v.optional(text()),
  notes: list(text()),
});

export const step: Schema<StepReport> = v.object({
  method: text(),
  options: v.record(v.string(), v.unknown()),
  seconds: number,
  units: list(
    v.object({
      unit: text(),
      layer: v.optional(whole(0, MOST_LAYERS)),
      error: number,
      measured: v.picklist(['gram', 'diagonal', 'weights', 'cosine']),
      bytes: number,
    }),
  ),
  error: v.optional(number),
  certificate: v.optional(worst),
  training: v.optional(training),
});

const candidates = list(v.object({ recipe: text(1e6), bytes: number, predicted: number, measured: number }));
const FORMATS = ['onnx', 'transformers.js', 'safetensors', 'compressed-tensors', 'gptq', 'gguf', 'peft'] as const;
export const format = v.picklist(FORMATS);
const PRECISIONS = ['stored', 'f32', 'f16', 'int8', 'int4'] as const;
export const precision = v.picklist(PRECISIONS);

const solver = v.object({
  ...v.entriesFromList(['target_bytes', 'held_windows', 'smallest_bytes', 'duration_ms'], number),
  format,
  candidates,
});

export const solution: Schema<NonNullable<Results['solution']>> = v.object({
  ...solver.entries,
  protocol: v.nullable(protocol),
  told_s: v.nullable(number),
  taken_s: v.optional(number),
});

const id = v.pipe(text(100), v.regex(/^[\w-]+$/, 'letters, digits and -'));

export const sliceOptions = v.object({
  sparsity: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  round: whole(1, 65_536),
  schedule: v.picklist(['sequential', 'rotate-once']),
  fusion: v.picklist(['exact', 'official']),
  head: v.picklist(['auto', 'untied', 'sliced', 'tied', 'tied-sliced']),
});

export const bases: Schema<BasesReport> = v.object({
  options: sliceOptions,
  head: v.picklist(['untied', 'sliced', 'tied', 'tied-sliced']),
  dimension: whole(),
  sites: list(site, 2 * MOST_LAYERS + 1),
  discarded_energy: list(number, 2 * MOST_LAYERS + 1),
  certificate: worst,
});

export const run: Schema<RunReport> = v.object({
  id,
  recipe: v.pipe(text(1e6), v.minLength(1)),
  imatrix: v.optional(text()),
  files: v.optional(v.record(text(), text(64))),
  steps: list(step, 1000),
  ...v.entriesFromList(['parameters', 'bytes', 'bits_per_weight', 'multiplications_per_token', 'stored_bytes'], number),
  file_bytes: v.object(v.entriesFromList(PRECISIONS, number)),
  parts: v.object(v.entriesFromList(PARTS, number)),
  bases: v.optional(bases),
  solver: v.optional(solver),
  duration_ms: number,
});

const accuracy = v.object({ value: number, error: v.nullable(number) });

export const score: Schema<TaskScore> = v.object({
  ...v.entriesFromList(['task', 'form'], text()),
  examples: whole(),
  acc: accuracy,
  acc_norm: v.optional(accuracy),
  acc_bytes: v.optional(accuracy),
  truncated: v.optional(number),
});

export const task: Schema<TaskReport> = v.object({
  ...v.entriesFromList(['task', 'form'], text()),
  examples: whole(),
});
