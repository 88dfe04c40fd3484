/** @file The studio's session as the page of a report: see `report/html.ts`. Pure. */

import { bosText } from '../engine/plan.ts';
import { VERSION } from '../engine/version.ts';
import { trainingsOf } from '../report/draw_training.ts';
import type { Named, ReportedCurve, ReportedMap, ReportedModel, ReportPage } from '../report/page.ts';
import { formatFigure } from './charts/scales.ts';
import { formatBytes, formatCount, formatPercent } from './format.ts';
import { frontOf, labelOf } from './store/front.ts';
import { energyMap, stepSources } from './store/heat.ts';
import { energies, planOf } from './store/plan.ts';
import { meaningOf, type Quantity } from './store/quantities.ts';
import { editedDimensions, editsAt, placeOf } from './store/site_dimensions.ts';
import type { StudioState } from './store/store.ts';

const COLUMNS: readonly Quantity[] = [
  'perplexity',
  'kl',
  'top1',
  'bytes',
  'bits',
  'parameters',
  'memory',
  'prefill',
  'decode',
];

/** Null without a model. @param now When it is written. */
export function sessionPage(state: StudioState, now: Date): ReportPage | null {
  const { results, settings } = state;
  const { model } = results;
  if (!model) return null;
  const { points, omitted } = frontOf(results, settings);
  const columns = COLUMNS.filter((name) => points.some(({ figures }) => figures[name]));
  return {
    title: model.name,
    written: now.toISOString(),
    model: [
      {
        name: 'Architecture',
        value: `${model.architecture}, ${model.shape.num_hidden_layers} layers × ${model.shape.hidden_size}`,
      },
      { name: 'Parameters', value: formatCount(model.parameters) },
      { name: 'Size', value: `${formatBytes(model.bytes)}, ${model.dtype}` },
      { name: 'Tokenizer', value: model.tokenizer },
      { name: 'Fingerprint', value: model.fingerprint },
      { name: 'Files', value: model.files.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`).join(', ') },
    ],
    protocol: protocolOf(state),
    settings: settingsOf(state),
    environment: environmentOf(state),
    columns: columns.map((name) => meaningOf(name).short),
    models: points.map(
      (point): ReportedModel => ({
        label: point.label,
        kind: point.kind,
        methods: point.methods,
        bytes: point.figures.bytes?.value ?? null,
        perplexity: point.figures.perplexity?.value ?? null,
        error: point.figures.perplexity?.error ?? null,
        cells: columns.map((name) => formatFigure(name, point.figures[name])),
      }),
    ),
    curves: curvesOf(state),
    ...spectraOf(state),
    trainings: results.runs.flatMap((run) => trainingsOf(labelOf(run), run.report.steps)),
    notes: [
      ...model.warnings,
      ...(omitted > 0
        ? [`${omitted} measured on other texts: they cannot be compared with these and are left out.`]
        : []),
    ],
  };
}

function protocolOf({ results: { protocol } }: StudioState): Named[] {
  if (!protocol) return [];
  const { calibration, evaluation, seqlen, samples, eval_samples, bos, tokenizer } = protocol;
  return [
    { name: 'Perplexity of', value: `${evaluation.name}, ${eval_samples} windows × ${seqlen} tokens` },
    {
      name: 'Calibrated on',
      value: `${calibration.name}, ${samples} windows × ${calibration.seqlen ?? seqlen} tokens`,
    },
    { name: 'Windows begin', value: bosText(bos) },
    { name: 'Tokenizer', value: tokenizer },
    { name: '±', value: 'one standard error over windows' },
    ...(protocol.shared_windows ? [{ name: 'Windows in both texts', value: String(protocol.shared_windows) }] : []),
  ];
}

function settingsOf({ settings, recipe }: StudioState): Named[] {
  const { sparsity_percent, round, schedule, fusion, head, export: chosen } = settings;
  return [
    { name: 'Sparsity', value: formatPercent(sparsity_percent / 100) },
    { name: 'Rounded down to multiples of', value: String(round) },
    { name: 'Schedule', value: schedule },
    { name: 'Fusion', value: fusion },
    { name: 'Head', value: head },
    { name: 'Sizes are of', value: `${chosen.sliced.format}, ${chosen.sliced.precision}` },
    ...(recipe === '' ? [] : [{ name: 'Recipe at hand', value: recipe }]),
  ];
}

function environmentOf({ results: { backend } }: StudioState): Named[] {
  return [
    { name: 'Whittle', value: VERSION },
    ...(backend
      ? [
          {
            name: 'Backend',
            value: [backend.kind, backend.vendor, backend.architecture, backend.description]
              .filter(Boolean)
              .join(' · '),
          },
        ]
      : []),
    { name: 'Browser', value: typeof navigator === 'undefined' ? 'none' : navigator.userAgent },
    { name: 'Threads', value: typeof navigator === 'undefined' ? 'unknown' : String(navigator.hardwareConcurrency) },
  ];
}

/** More would lie over each other. */
const MOST_CURVES = 8;

/** The newest runs, and the original always. */
function curvesOf({ results }: StudioState): ReportedCurve[] {
  const of = (id: string) => (results.curves[id] ?? []).map(({ perplexity }) => perplexity);
  const runs = results.runs.filter(({ perplexity }) => perplexity);
  return [
    { label: 'dense', perplexities: of('dense') },
    ...runs.slice(-MOST_CURVES).map((run) => ({ label: labelOf(run), perplexities: of(run.id) })),
  ].filter(({ perplexities }) => perplexities.length > 0);
}

/** Spectra with the cut that stands there now, and where each run lost how much. */
function spectraOf({ results, settings, edits }: StudioState): Pick<ReportPage, 'spectra' | 'maps'> {
  const steps = stepSources(results).map(({ label, map }): ReportedMap => ({ title: `Damage: ${label}`, ...map }));
  const { model, spectra } = results;
  const plan = model && planOf(model, settings).plan;
  if (!model || !spectra || !plan) return { spectra: [], maps: steps };
  const dimensions = editedDimensions(plan, editsAt(edits, placeOf(model, settings)));
  const sites = spectra.sites.filter(({ site }) => dimensions[site] !== undefined);
  const planned: ReportedMap[] =
    sites.length > 1
      ? [{ title: 'Damage: what slicing would discard', ...energyMap(energies(sites, { dimensions }), sites) }]
      : [];
  return {
    spectra: sites.map(({ site, label, eigenvalues }) => ({ label, eigenvalues, dimension: dimensions[site] })),
    maps: [...planned, ...steps],
  };
}
