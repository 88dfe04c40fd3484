/** @file The result table of the headless command, for people. */
import { bosText } from '../engine/plan.ts';
import type { ExportSummary, Report, RunSummary, SlicedReport } from '../engine/report.ts';
import type { DiskTraffic } from '../pulse/traffic.ts';
import { bytes, compact } from './numbers.ts';
import { textTable } from './prompt.ts';
import { SAVED_HEADINGS, savingRows } from './savings.ts';
import { TASK_HEADINGS, taskRows } from './task_table.ts';
import { TRAINING_HEADINGS, trainingNotes, trainingRows } from './training_table.ts';

const HEADINGS = [
  'model',
  'dimension',
  'head',
  'perplexity',
  '±',
  'parameters',
  'bytes',
  'tokens/s',
  'discarded',
  '|QᵀQ−I|',
  'residual',
  'export',
  'files',
  'file perplexity',
  'max |Δ logit|',
];

/** Columns before the exports'. */
const MODEL_COLUMNS = HEADINGS.indexOf('export');

/** The table on stdout: what was measured, and with what (invariant 8). */
export function resultTable(report: Report): string {
  const { model, backend, protocol, dense, timings_ms: times } = report;
  const adapter = [backend.vendor, backend.architecture].filter(Boolean).join(' ') || backend.description;
  const facts = [
    `model       ${model.name}, ${model.architecture}, ${compact(model.parameters)} parameters, ${model.dtype}, ${bytes(model.bytes)}`,
    `backend     ${backend.kind}${adapter ? `, ${adapter}` : ''}${backend.is_fallback_adapter ? ' (software adapter)' : ''}`,
    `memory      ${measuredMemory(report)}`,
    ...(report.memory.disk ? [`disk        ${diskTraffic(report.memory.disk)}`] : []),
    `perplexity  of ${protocol.evaluation}, the first ${protocol.eval_samples} windows of ${protocol.seqlen} tokens, ${bosText(protocol.bos)} (${protocol.tokenizer})`,
    ...(protocol.eval_samples === 1 ? ['note        one window has no standard error: ± stays empty'] : []),
    ...(report.sliced.length + recipeRuns(report).length > 0
      ? [`calibrated  on ${protocol.calibration}, the first ${protocol.samples} windows of ${protocol.seqlen} tokens`]
      : []),
    ...report.sliced.map(certificateLine),
    ...(report.sliced.length + recipeRuns(report).length > 0 && protocol.shared_windows
      ? [`note        ${sharedWindows(protocol.shared_windows)} calibrated on too, which flatters compressed models`]
      : []),
  ];
  const rows = [
    ...withExports(
      [
        'dense',
        String(model.hidden_size),
        '',
        perplexity(dense.perplexity),
        spread(dense),
        compact(dense.parameters),
        bytes(dense.bytes),
        compact(dense.tokens_per_second),
      ],
      dense.exports,
    ),
    ...report.sliced.flatMap((run) => withExports(slicedRow(run), run.exports)),
    ...recipeRuns(report).flatMap((run, index) => withExports(recipeRow(run, index), run.exports)),
  ];
  // What older readers of a report look for stands in others already.
  const { calibration_and_slicing: _, ...told } = times;
  const stages = (Object.keys(told) as (keyof typeof told)[]).map(
    (stage) => `${stage.replaceAll('_', ' ')} ${(told[stage] / 1000).toFixed(1)} s`,
  );
  const made = recipeRuns(report);
  const searched = made.flatMap((run, index) => (run.solver ? [solverLine(run.solver, index)] : []));
  const bits = made.some(({ bytes: size, stored_bytes }) => size !== stored_bytes)
    ? '\nbits/weight counts floats as float16, whatever these models hold them in'
    : '';
  const recipes =
    made.length > 0 ? `\n\n${alignColumns([RUN_HEADINGS, ...made.map(runRow)])}${bits}${searched.join('')}` : '';
  const labels = runLabels(report);
  const saved = labels.length > 0 ? `\n\n${alignColumns([SAVED_HEADINGS, ...savingRows(report, labels)])}` : '';
  const scored = taskRows(report, labels);
  const tasks = scored.length > 0 ? `\n\n${alignColumns([TASK_HEADINGS, ...scored])}` : '';
  const trained = trainingRows(report, labels);
  const known = trainingNotes(report, labels).map((note) => `\n${note}`);
  const trainings = trained.length > 0 ? `\n\n${alignColumns([TRAINING_HEADINGS, ...trained])}${known.join('')}` : '';
  const texts = textTable(report, labels);
  return `${facts.join('\n')}\n\n${alignColumns([HEADINGS, ...rows])}${recipes}${trainings}${saved}${tasks}\n\n${texts}time        ${stages.join(', ')}\n`;
}

function sharedWindows(count: number): string {
  return count === 1 ? 'one evaluation window was' : `${count} evaluation windows were`;
}

/** Runs that are not one slicing: those have rows with what only slicing has. */
function recipeRuns({ runs = [] }: Pick<Report, 'runs'>): RunSummary[] {
  return runs.filter((run) => slicingOf(run) === undefined);
}

/** The share that a run of one slicing step removed. */
function slicingOf({ steps }: RunSummary): number | undefined {
  return steps.length === 1 && steps[0].method === 'slicegpt' ? Number(steps[0].options.sparsity) : undefined;
}

/** Of every run, in order: as its row in the first table is called. */
function runLabels({ runs }: Pick<Report, 'runs'>): string[] {
  let recipes = 0;
  return runs.map((run) => {
    const sparsity = slicingOf(run);
    return sparsity === undefined ? `r${++recipes}` : percentage(sparsity);
  });
}

function recipeRow(run: RunSummary, index: number): string[] {
  // As the dense model's and sliced ones': in the types that the weights are held in.
  const { perplexity: measured, perplexity_error, parameters, stored_bytes: size, tokens_per_second } = run;
  const figures = [perplexity(measured), errorText(perplexity_error), compact(parameters), bytes(size)];
  return [`r${index + 1}`, '', '', ...figures, compact(tokens_per_second)];
}

const RUN_HEADINGS = ['recipe', '', 'KL', '±', 'same top-1', 'Δp rms', 'bits/weight', 'multiplications', 'seconds'];

function runRow(run: RunSummary, index: number): string[] {
  const { kl_divergence, kl_error, top1_agreement, probability_change, steps } = run;
  const digits = (value: number | undefined) => (value === undefined ? '' : value.toPrecision(3));
  const share = (value: number | undefined) => (value === undefined ? '' : `${(100 * value).toFixed(1)} %`);
  return [
    `r${index + 1}`,
    run.recipe,
    digits(kl_divergence),
    kl_error === undefined ? '' : kl_error.toPrecision(2),
    share(top1_agreement),
    share(probability_change?.rms),
    run.bits_per_weight.toFixed(2),
    compact(run.multiplications_per_token),
    steps.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(1),
  ];
}

/** What a target size asked for and got: predicted beside measured, on windows that fitted nothing. */
function solverLine(solver: NonNullable<RunSummary['solver']>, index: number): string {
  const { candidates, target_bytes, held_windows, format, smallest_bytes } = solver;
  const [{ bytes: size, predicted, measured }] = candidates;
  const windows = `${held_windows} window${held_windows === 1 ? '' : 's'} held back`;
  return `\nr${index + 1} is the best of ${candidates.length} recipes for ${bytes(target_bytes)} of ${format}: ${bytes(size)}, KL predicted ${predicted.toPrecision(3)}, measured ${measured.toPrecision(3)} on ${windows}; nothing below ${bytes(smallest_bytes)} can be made.`;
}

/** The verdict on a run's bases, with the worst figures that it rests on. */
function certificateLine({ sparsity, certificate }: SlicedReport): string {
  const { verdict, sites, max_orthogonality_ulp, max_residual_ulp, max_kept_energy_loss, overfull_sites } = certificate;
  const ulp = (ratio: number) => (ratio < 0.01 ? '<0.01' : ratio.toPrecision(2));
  const figures = [
    `Q off orthogonal by ${ulp(max_orthogonality_ulp)}`,
    `off the eigenvectors by ${ulp(max_residual_ulp)} n·ulp`,
    `energy lost ${max_kept_energy_loss.toExponential(1)}`,
  ];
  const thin = overfull_sites > 0 ? `; calibrated on too little text for ${overfull_sites} of them` : '';
  return `certificate ${percentage(sparsity)}: ${verdict}, at the worst of ${sites} sites: ${figures.join(', ')}${thin}`;
}

function percentage(share: number): string {
  return `${Number((share * 100).toFixed(3))} %`;
}

function slicedRow(run: SlicedReport): string[] {
  const discarded = run.discarded_energy.reduce((sum, share) => sum + share, 0) / run.discarded_energy.length;
  return [
    percentage(run.sparsity),
    String(run.dimension),
    run.head,
    perplexity(run.perplexity),
    spread(run),
    compact(run.parameters),
    bytes(run.bytes),
    compact(run.tokens_per_second),
    `${(discarded * 100).toPrecision(2)} %`,
    run.certificate.max_orthogonality_error.toExponential(1),
    run.certificate.max_residual.toExponential(1),
  ];
}

/** A line for each export; the model's own figures stand in the first. */
function withExports(row: string[], exports: readonly ExportSummary[] = []): string[][] {
  const pad = (cells: string[]) => [...cells, ...new Array<string>(MODEL_COLUMNS - cells.length).fill('')];
  if (exports.length === 0) return [row];
  return exports.map((exported, index) => [...pad(index === 0 ? row : []), ...exportCells(exported)]);
}

function exportCells(exported: ExportSummary): string[] {
  const { files, verified, perplexity: measured, max_abs_logit_difference: difference } = exported;
  const verdict = verified ? 'verified' : 'FAILED';
  return [
    exportLabel(exported),
    verified ? bytes(files.reduce((sum, file) => sum + file.bytes, 0)) : '',
    measured === null ? verdict : `${perplexity(measured)} ${verdict}`,
    difference === null ? '' : difference.toExponential(1),
  ];
}

/** "onnx", "onnx int4". */
export function exportLabel({ format, precision }: { format: string; precision: string }): string {
  return precision === 'stored' ? format : `${format} ${precision}`;
}

function perplexity(value: number): string {
  return value < 1e5 ? value.toFixed(value < 1000 ? 2 : 0) : value.toExponential(2);
}

/** Standard error over windows, in perplexity; one window has none. */
function spread(measured: { perplexity: number; relative_spread: number | null }): string {
  const { perplexity: value, relative_spread: share } = measured;
  return errorText(share === null ? null : value * share);
}

function errorText(error: number | null): string {
  return error === null ? '–' : error.toPrecision(2);
}

/** Text left, numbers right. A column in which nothing stands is left out. */
export function alignColumns(
  all: string[][],
  words: readonly string[] | 'all' = [
    'model',
    'head',
    'export',
    'recipe',
    'against dense',
    'task',
    'training',
    'lowers',
  ],
): string {
  const filled = all[0].map((_, column) => all.slice(1).some((row) => row[column]));
  const rows = all.map((row) => filled.flatMap((isFilled, column) => (isFilled ? [row[column] ?? ''] : [])));
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const isWord = (column: number) => words === 'all' || words.includes(rows[0][column]);
  return rows
    .map((row) =>
      row
        .map((cell, column) => (isWord(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The measured peaks, for the table on stdout. */
function measuredMemory({ backend, memory }: Pick<Report, 'backend' | 'memory'>): string {
  const { peak_gpu_bytes, estimated_gpu_bytes, peak_heap_bytes } = memory;
  const heap =
    peak_heap_bytes === undefined ? 'not told by this browser' : `${bytes(peak_heap_bytes)}, as the browser told it`;
  return `at most ${bytes(peak_gpu_bytes)} ${memoryKind(backend.kind)} (${bytes(estimated_gpu_bytes)} were estimated); page and Workers ${heap}`;
}

/** A model that is larger than memory is read again for every pass. */
function diskTraffic({ files_read, scratch_read, scratch_written, exports_written }: DiskTraffic): string {
  return `${bytes(files_read)} of files read, ${bytes(scratch_written)} put aside and ${bytes(scratch_read)} of it read, ${bytes(exports_written)} exported`;
}

/** On the CPU backend tensors lie in the engine's own memory. */
export function memoryKind(kind: string): string {
  return kind === 'webgpu' ? 'of GPU memory' : 'of memory for tensors';
}
