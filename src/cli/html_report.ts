/** @file `--html FILE`: the job as one HTML file, made of report.json and of what passed on the way to it. */
import { bosText } from '../engine/plan.ts';
import type { CommandKind, Commands, EngineEvent, PerplexityReport, SiteReport } from '../engine/protocol.ts';
import type { ExportSummary, Report, RunSummary } from '../engine/report.ts';
import { VERSION } from '../engine/version.ts';
import { trainingsOf } from '../report/draw_training.ts';
import { formatBytes, formatCount, formatPercent, formatPerplexity, formatRate } from '../report/format.ts';
import type { Named, ReportedCurve, ReportedMap, ReportedModel, ReportPage } from '../report/page.ts';
import type { Driver } from './browser.ts';
import type { CliOptions } from './options.ts';
import type { PageRequest } from './page_protocol.ts';

/** What report.json has no room for. */
export interface Seen {
  /** In the order they were measured. */
  evaluations: PerplexityReport[];
  /** Spectra of the last slicing. */
  sites: readonly SiteReport[];
}

/** The same driver; what a report draws is kept as it passes. */
export function watched(driver: Driver, seen: Seen): Driver {
  return {
    async run<K extends CommandKind>(
      kind: K,
      request: PageRequest<K>,
      onEvent?: (event: EngineEvent) => void,
    ): Promise<Commands[K]['result']> {
      const result = await driver.run(kind, request, onEvent);
      if (kind === 'evaluate') seen.evaluations.push(result as PerplexityReport);
      const { bases, sites } = (result ?? {}) as { bases?: { sites: SiteReport[] }; sites?: SiteReport[] };
      const spectra = bases?.sites ?? sites;
      if (spectra?.[0]?.eigenvalues) seen.sites = spectra;
      return result;
    },
    save: (folder, file, path) => driver.save(folder, file, path),
  };
}

export function htmlPage(report: Report, options: CliOptions, seen: Seen, now: Date): ReportPage {
  const { model, dense } = report;
  return {
    title: model.name,
    written: now.toISOString(),
    model: [
      { name: 'Architecture', value: `${model.architecture}, ${model.layers} layers × ${model.hidden_size}` },
      { name: 'Parameters', value: formatCount(model.parameters) },
      { name: 'Size', value: `${formatBytes(model.bytes)}, ${model.dtype}` },
    ],
    protocol: protocolOf(report),
    settings: settingsOf(options),
    environment: environmentOf(report),
    columns: ['Perplexity', 'KL', 'Top-1', 'Size', 'Bits/w', 'Parameters', 'Tokens/s'],
    models: [
      {
        ...{ label: 'dense', kind: 'dense', methods: '', bytes: model.bytes, perplexity: dense.perplexity },
        error: dense.relative_spread === null ? null : dense.perplexity * dense.relative_spread,
        cells: cells({ ...dense, bytes: model.bytes, bits: (8 * model.bytes) / model.parameters }),
      },
      ...exportsOf('dense', '', model.parameters, dense.exports),
      ...report.runs.flatMap((run) => modelsOf(run, model.parameters)),
    ],
    curves: curvesOf(report, seen),
    spectra: seen.sites.map(({ label, eigenvalues, dimension }) => ({ label, eigenvalues, dimension })),
    maps: report.runs.flatMap(mapsOf),
    trainings: report.runs.flatMap(({ recipe, steps }) => trainingsOf(recipe, steps)),
    notes: report.warnings,
  };
}

interface Figures {
  perplexity: number;
  perplexity_error?: number | null;
  kl_divergence?: number;
  top1_agreement?: number;
  bytes: number;
  bits?: number;
  parameters?: number;
  tokens_per_second?: number;
}

function cells(of: Figures): string[] {
  const error = of.perplexity_error ? ` ± ${formatPerplexity(of.perplexity_error)}` : '';
  return [
    `${formatPerplexity(of.perplexity)}${error}`,
    of.kl_divergence === undefined ? '–' : of.kl_divergence.toPrecision(3),
    of.top1_agreement === undefined ? '–' : formatPercent(of.top1_agreement),
    formatBytes(of.bytes),
    of.bits === undefined ? '–' : of.bits.toFixed(2),
    of.parameters === undefined ? '–' : formatCount(of.parameters),
    formatRate(of.tokens_per_second),
  ];
}

function modelsOf(run: RunSummary, parameters: number): ReportedModel[] {
  const methods = run.steps.map(({ method }) => method).join(' + ');
  return [
    {
      ...{ label: run.recipe, kind: 'run' as const, methods },
      ...{ bytes: run.stored_bytes, perplexity: run.perplexity, error: run.perplexity_error },
      cells: cells({ ...run, bytes: run.stored_bytes, bits: (8 * run.stored_bytes) / parameters }),
    },
    ...exportsOf(run.recipe, methods, parameters, run.exports),
  ];
}

const WEIGHTS = /\.(?:onnx|onnx_data[\w.-]*|safetensors|gguf)$/;

function exportsOf(
  label: string,
  methods: string,
  parameters: number,
  exports: readonly ExportSummary[] = [],
): ReportedModel[] {
  return exports.flatMap(({ format, precision, files, verified, perplexity }) => {
    if (!verified || perplexity === null) return [];
    const bytes = files.filter(({ name }) => WEIGHTS.test(name)).reduce((sum, file) => sum + file.bytes, 0);
    const name = `${label}, ${format}${precision === 'stored' ? '' : ` ${precision}`}`;
    const figures = { perplexity, bytes, bits: (8 * bytes) / parameters };
    return { label: name, kind: 'file' as const, methods, bytes, perplexity, error: null, cells: cells(figures) };
  });
}

function protocolOf({ protocol }: Report): Named[] {
  const { seqlen, samples, eval_samples, calibration, evaluation, bos, tokenizer, shared_windows } = protocol;
  return [
    { name: 'Perplexity of', value: `${evaluation}, ${eval_samples} windows × ${seqlen} tokens` },
    { name: 'Calibrated on', value: `${calibration}, ${samples} windows × ${seqlen} tokens` },
    { name: 'Windows begin', value: bosText(bos) },
    { name: 'Tokenizer', value: tokenizer },
    { name: '±', value: 'one standard error over windows' },
    ...(shared_windows ? [{ name: 'Windows in both texts', value: String(shared_windows) }] : []),
  ];
}

function settingsOf({ sparsity, round, schedule, fusion, head, recipe = [] }: CliOptions): Named[] {
  const slicing = [
    { name: 'Sparsity', value: sparsity.map(formatPercent).join(', ') },
    { name: 'Rounded down to multiples of', value: String(round) },
    { name: 'Schedule', value: schedule },
    { name: 'Fusion', value: fusion },
    { name: 'Head', value: head },
  ];
  return [...(sparsity.length > 0 ? slicing : []), ...recipe.map(({ text }) => ({ name: 'Recipe', value: text }))];
}

function environmentOf({ backend, timings_ms, memory }: Report): Named[] {
  const { kind, vendor, architecture, description } = backend;
  return [
    { name: 'Whittle', value: `${VERSION}, headless command` },
    { name: 'Backend', value: [kind, vendor, architecture, description].filter(Boolean).join(' · ') },
    { name: 'Time', value: `${(timings_ms.total / 1000).toFixed(1)} s` },
    { name: 'Most memory of tensors', value: formatBytes(memory.peak_gpu_bytes) },
  ];
}

function curvesOf({ runs }: Report, { evaluations }: Seen): ReportedCurve[] {
  // Runs are measured in the order in which they were made, the dense model before them.
  const made = evaluations.filter(({ target }) => target !== 'dense');
  return evaluations
    .filter(({ target }, at) => target !== 'dense' || evaluations.findIndex((each) => each.target === 'dense') === at)
    .map((evaluation) => ({
      label: evaluation.target === 'dense' ? 'dense' : (runs[made.indexOf(evaluation)]?.recipe ?? evaluation.target),
      perplexities: runningMeans(evaluation.window_losses),
    }));
}

/** exp of the mean loss so far. */
function runningMeans(losses: readonly number[]): number[] {
  let sum = 0;
  return losses.map((loss, at) => {
    sum += loss;
    return Math.exp(sum / (at + 1));
  });
}

function mapsOf(run: RunSummary): ReportedMap[] {
  return run.steps.flatMap(({ method, units = [] }) => {
    const cells = units.flatMap(({ unit, layer, error }) => {
      const row = unit.split('.').at(-1) ?? unit;
      return layer === undefined ? [] : { layer, row: /^\d+$/.test(row) ? 'layer' : row, value: error };
    });
    if (cells.length === 0) return [];
    return {
      title: `Damage: ${method} of ${run.recipe}`,
      meaning: `share of a linear’s output lost to ${method}`,
      layers: Math.max(...cells.map(({ layer }) => layer)) + 1,
      rows: [...new Set(cells.map(({ row }) => row))],
      cells,
    };
  });
}
