/** @file The numbers in what an engine command gave: see {@link MetricsLog}. */
import type { DiskTraffic } from '../../pulse/traffic.ts';
import type {
  CalibrationReport,
  CommandKind,
  Commands,
  ExportReport,
  GeneratedText,
  MemoryReport,
  ModelSizes,
  PerplexityReport,
  RunReport,
  ScoreReport,
  SolveReport,
  StepReport,
  TokenLosses,
} from '../protocol.ts';
import type { Metric } from './metrics.ts';

export interface Measured {
  /** Of the model that it was measured of; absent: the dense model. */
  readonly id?: string;
  /** How that model was made, where the command made it. */
  readonly recipe?: string;
  readonly metrics: readonly Metric[];
}

type Readers = { [K in CommandKind]?: (result: Commands[K]['result']) => Measured };

const READERS: Readers = {
  evaluate: ofEvaluation,
  score: ofScores,
  calibrate: ofCalibration,
  compress: ofRun,
  solve: ofSearch,
  export: ofExport,
  generate: ofText,
  token_losses: ofTokens,
  memory: ofMemory,
};

export function metricsOfResult<K extends CommandKind>(command: K, result: Commands[K]['result']): Measured {
  return READERS[command]?.(result) ?? { metrics: [] };
}

/** Without those that are absent. */
function present(metrics: readonly (Omit<Metric, 'value'> & { value: number | null | undefined })[]): Metric[] {
  return metrics.filter((metric): metric is Metric => typeof metric.value === 'number');
}

function ofEvaluation(report: PerplexityReport): Measured {
  const { target, divergence } = report;
  const { probability_change, ...divergences } = divergence ?? {};
  const metrics = present([
    { metric: 'perplexity', value: report.perplexity },
    { metric: 'perplexity_error', value: report.relative_spread && report.relative_spread * report.perplexity },
    ...Object.entries(divergences).map(([metric, value]) => ({ metric, value })),
    { metric: 'probability_change_mean', value: probability_change?.mean },
    { metric: 'probability_change_rms', value: probability_change?.rms },
    { metric: 'tokens_per_second', value: report.tokens_per_second, unit: 'tokens/s' },
    { metric: 'decode_tokens_per_second', value: report.decode_tokens_per_second, unit: 'tokens/s' },
  ]);
  return { ...(target !== 'dense' && { id: target }), metrics };
}

function ofScores({ target, tasks }: ScoreReport): Measured {
  const metrics = tasks.flatMap(({ task, acc, acc_norm, acc_bytes }) =>
    Object.entries({ acc, acc_norm, acc_bytes }).flatMap(([metric, accuracy]) => [
      { metric, value: accuracy?.value, of: task },
      { metric: `${metric}_stderr`, value: accuracy?.error, of: task },
    ]),
  );
  return { ...(target !== 'dense' && { id: target }), metrics: present(metrics) };
}

function ofCalibration({ sites, duration_ms }: CalibrationReport): Measured {
  const kept = sites.map(({ site, certificate }) => ({
    ...{ metric: 'residual_ulp', value: certificate?.residual_ulp, of: `site ${site}` },
  }));
  return { metrics: [...present(kept), { metric: 'duration', value: duration_ms, unit: 'ms' }] };
}

function ofRun({ id, recipe, steps, stored_bytes, duration_ms, bases, ...sizes }: RunReport): Measured {
  return {
    id,
    recipe,
    metrics: [
      ...steps.flatMap(ofStep),
      ...ofSizes(sizes),
      { metric: 'stored_bytes', value: stored_bytes, unit: 'bytes' },
      ...(bases?.sites ?? []).map(({ site, discarded_energy }) => ({
        ...{ metric: 'discarded_energy', value: discarded_energy, of: `site ${site}` },
      })),
      { metric: 'duration', value: duration_ms, unit: 'ms' },
    ],
  };
}

function ofStep({ method, seconds, units, error, training }: StepReport, index: number): Metric[] {
  return present([
    ...(training?.curve ?? []).flatMap(({ step, training_loss, held_out_loss, held_out_perplexity }) => [
      { metric: 'training_loss', value: training_loss, unit: 'nats', index: step, of: method },
      { metric: 'held_out_loss', value: held_out_loss, unit: 'nats', index: step, of: method },
      { metric: 'held_out_perplexity', value: held_out_perplexity, index: step, of: method },
    ]),
    { metric: 'step_duration', value: seconds, unit: 's', index, of: method },
    { metric: 'step_error', value: error, index, of: method },
    ...units.map((unit) => ({ metric: 'unit_error', value: unit.error, index, of: unit.unit })),
    ...units.map((unit) => ({ metric: 'unit_bytes', value: unit.bytes, unit: 'bytes', index, of: unit.unit })),
  ]);
}

function ofSizes(sizes: ModelSizes): Metric[] {
  return [
    { metric: 'parameters', value: sizes.parameters },
    { metric: 'bytes', value: sizes.bytes, unit: 'bytes' },
    { metric: 'bits_per_weight', value: sizes.bits_per_weight, unit: 'bits' },
    { metric: 'multiplications_per_token', value: sizes.multiplications_per_token },
  ];
}

function ofSearch({ candidates, duration_ms }: SolveReport): Measured {
  const found = candidates.flatMap(({ recipe, bytes, measured, predicted }, index) => [
    { metric: 'candidate_bytes', value: bytes, unit: 'bytes', index, of: recipe },
    { metric: 'candidate_kl_divergence', value: measured, index, of: recipe },
    { metric: 'candidate_kl_predicted', value: predicted, index, of: recipe },
  ]);
  return { metrics: [...present(found), { metric: 'duration', value: duration_ms, unit: 'ms' }] };
}

function ofExport(report: ExportReport): Measured {
  const { id, options, files, duration_ms } = report;
  const of = `${options.format} ${options.precision}`;
  return {
    ...(id !== 'dense' && { id }),
    metrics: [
      ...files.map(({ name, bytes }) => ({ metric: 'file_bytes', value: bytes, unit: 'bytes', of: `${of}: ${name}` })),
      { metric: 'exported_perplexity', value: report.perplexity, of },
      { metric: 'max_abs_logit_difference', value: report.max_abs_logit_difference, of },
      { metric: 'export_duration', value: duration_ms.export, unit: 'ms', of },
      { metric: 'verification_duration', value: duration_ms.verification, unit: 'ms', of },
    ],
  };
}

function ofText({ target, file, tokens, tokens_per_second, first_token_ms }: GeneratedText): Measured {
  const of = file && `${file.format} ${file.precision}`;
  return {
    ...(target !== 'dense' && { id: target }),
    metrics: present([
      { metric: 'generated_tokens', value: tokens.length, ...(of && { of }) },
      { metric: 'generation_tokens_per_second', value: tokens_per_second, unit: 'tokens/s', ...(of && { of }) },
      { metric: 'first_token', value: first_token_ms, unit: 'ms', ...(of && { of }) },
    ]),
  };
}

function ofTokens({ target, tokens, mean_loss }: TokenLosses): Measured {
  const each = tokens.map(({ token, logprob }, index) => ({
    metric: 'token_logprob',
    value: logprob,
    index,
    of: token,
  }));
  const mean = { metric: 'text_mean_loss', value: mean_loss, unit: 'nats' };
  return { ...(target !== 'dense' && { id: target }), metrics: [mean, ...present(each)] };
}

function ofMemory({ peak_gpu_bytes, peak_heap_bytes, disk = {} as DiskTraffic }: MemoryReport): Measured {
  return {
    metrics: present([
      { metric: 'peak_gpu_bytes', value: peak_gpu_bytes, unit: 'bytes' },
      { metric: 'peak_heap_bytes', value: peak_heap_bytes, unit: 'bytes' },
      ...Object.entries(disk).map(([kind, value]) => ({ metric: `disk_${kind}`, value, unit: 'bytes' })),
    ]),
  };
}
