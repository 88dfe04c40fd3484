/** @file The bench's figures as text tables, under their own names. */
import { bosText } from '../engine/plan.ts';
import type { StudioFigures } from './drag/studio.ts';
import { type BenchReport, type ModelFigure, PACKED_FORMS } from './figures.ts';

type Cell = string | number;

/** A table has a heading for each field; absent fields leave their cell empty. */
type Fields<T> = { [K in keyof T & string]?: (value: NonNullable<T[K]>) => Cell };

export function benchTables(report: BenchReport): string {
  const {
    adapter,
    threads,
    quick,
    seconds,
    matmul,
    matmul_cpu,
    packed_cpu,
    lut_cpu,
    eigen,
    precision,
    kernels,
    memory,
    targets,
  } = report;
  const software = adapter.is_fallback_adapter ? ' (software adapter)' : '';
  const shape = { product: same, m: same, k: same, n: same };
  const ratios = Object.fromEntries(PACKED_FORMS.map((form) => [form, digits]));
  return [
    `adapter  ${adapter.vendor} ${adapter.architecture}${software}; ${threads} threads; ${quick ? 'small sizes, ' : ''}${seconds} s`,
    tableOf('matmul', matmul, {
      ...shape,
      ...{ gflops: digits, ort_webgpu_gflops: digits, ratio: digits, bt_gflops: digits, bt_ratio: digits },
      difference: tiny,
    }),
    tableOf('matmul_cpu', matmul_cpu, {
      ...shape,
      ...{ gflops: digits, ort_wasm_gflops: digits, ratio: digits, bt_gflops: digits, bt_ratio: digits },
      ...{ threads: same, difference: tiny },
    }),
    tableOf('packed_cpu: times as fast as in f32', packed_cpu, {
      ...{ product: same, m: same, k: same, n: same, f32_ms: digits, ...ratios, threads: same },
    }),
    tableOf('lut_cpu: LUT-GEMM beside the plain loops, one thread', lut_cpu, {
      ...{ k: same, n: same, bits: same, plain_ms: digits, lut_ms: digits, ratio: digits, lookups_ratio: digits },
    }),
    tableOf('eigen', eigen, {
      ...{ n: same, solver: same, ms: digits, residual_ulp: digits, orthogonality_ulp: digits },
      ...{ families: same, worst_family: same, over_limit: (names) => names.join(', '), jacobi_ratio: digits },
    }),
    tableOf('precision', precision, {
      ...{ n: same, name: same, plain_loss: tiny, loss: tiny, sums: same, verdict: same },
      ...{ rounded_ms: digits, pairs_ms: digits, deflated_ms: digits },
    }),
    tableOf('kernels', kernels, { name: same, shape: same, ms: digits, gflops: digits }),
    studioTables(report),
    ...jobTables(report),
    memoryTable(memory),
    tableOf('memory, planned', memory.planned, {
      ...{ model: same, parameters: same, f32_bytes: same, samples: same, seqlen: same, schedule: same },
      ...{ planned_gpu_bytes: same, share_of_f32: percent, step: same, breakdown: megabytes },
    }),
    tableOf('targets', targets, { target: same, measured: same, met: (met) => (met ? 'met' : 'NOT MET') }),
  ].join('\n\n');
}

export function studioTables({ opening, drag }: StudioFigures): string {
  return [
    tableOf('opening: a model on the page', opening, {
      ...{ model: same, layers: same, bytes: same, facts_ms: digits, open_ms: digits, layout_shift: tiny },
    }),
    tableOf('drag: the page while a slider moves', drag, {
      ...{ control: same, engine: same, moves: same, frames_per_second: digits, frame_p95_ms: digits },
      ...{ move_ms: digits, script_ms: digits, style_ms: digits, layout_ms: digits, process_ms: digits },
    }),
  ].join('\n\n');
}

/** Whatever the report tells. */
function memoryTable({ planned: _, share_of_f32, ...told }: BenchReport['memory']): string {
  const cells = Object.entries(told).map(([name, value]) => [
    name,
    typeof value === 'number' ? value : megabytes({ ...value }),
  ]);
  return table(
    'memory of the demo job on WebGPU',
    ['figure', 'value'],
    [...cells, ['share_of_f32', percent(share_of_f32)]],
  );
}

function jobTables(report: BenchReport): string[] {
  const { job, job_cpu, job_ratio, perplexity_difference, dense_perplexity_difference, model } = report;
  const stages = Object.keys(job_ratio) as (keyof BenchReport['job_ratio'])[];
  const ms = (of: typeof job, stage: string) => of.stage_ms[stage as keyof typeof job.stage_ms] ?? '';
  return [
    table(
      `job on ${job.backend}, job_cpu`,
      ['stage', 'job', 'job_cpu', 'job_ratio'],
      stages.map((stage) => [stage, ms(job, stage), ms(job_cpu, stage), digits(job_ratio[stage] ?? 0)]),
    ),
    table(
      'perplexities of the job',
      ['', 'job', 'job_cpu', 'difference'],
      [
        ['dense_perplexity', job.dense_perplexity, job_cpu.dense_perplexity, tiny(dense_perplexity_difference)],
        ['perplexity', job.perplexity, job_cpu.perplexity, tiny(perplexity_difference)],
      ].map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toFixed(4) : cell))),
    ),
    ...(model
      ? [
          table(`model on ${model.backend}`, ['stage', 'stage_ms'], Object.entries(model.stage_ms)),
          tableOf(`model: ${model.name}, ${protocolOf(model.protocol)}`, [{ ...model, ...model.memory }], {
            ...{ parameters: same, dimension: same, dense_perplexity: digits, perplexity: digits },
            ...{ peak_gpu_bytes: same, estimated_gpu_bytes: same, estimated_breakdown: megabytes },
          }),
        ]
      : []),
  ];
}

export function protocolOf(protocol: ModelFigure['protocol']): string {
  const { calibration, samples, evaluation, eval_samples, seqlen, bos } = protocol;
  return `calibrated on ${calibration} (${samples} × ${seqlen}), perplexity of ${evaluation} (${eval_samples} × ${seqlen}, ${bosText(bos)})`;
}

export const same = <T extends Cell>(value: T): Cell => value;
export const digits = (value: number) => (value >= 1000 ? value.toFixed(0) : value.toPrecision(3));
export const tiny = (value: number) => value.toExponential(1);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
/** Parts of at least one of a hundred. */
function megabytes(parts: Record<string, number>): string {
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  const large = Object.entries(parts).filter(([, bytes]) => bytes > total / 100);
  return large.map(([part, bytes]) => `${part} ${digits(bytes / 1e6)} MB`).join(', ');
}

export function tableOf<T extends object>(title: string, rows: readonly T[], fields: Fields<T>): string {
  const names = Object.keys(fields) as (keyof T & string)[];
  const cell = (row: T, name: keyof T & string) => {
    const value = row[name];
    return value === undefined || value === null ? '' : (fields[name] as (value: unknown) => Cell)(value);
  };
  return table(
    title,
    names,
    rows.map((row) => names.map((name) => cell(row, name))),
  );
}

export function table(title: string, headings: string[], rows: Cell[][]): string {
  const lines = [headings, ...rows].map((row) => row.map(String));
  const widths = headings.map((_, column) => Math.max(...lines.map((row) => row[column].length)));
  const isNumber = (column: number) =>
    rows.every((row) => !Number.isNaN(Number(String(row[column]).replace(' %', ''))));
  const aligned = lines.map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );
  return [title, ...aligned.map((line) => `  ${line}`)].join('\n');
}
