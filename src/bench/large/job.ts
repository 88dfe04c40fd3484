/** @file A model of billions through the app in a headless browser, on the CPU backend: what it takes of time, memory and disk. */
import { type HeadlessBrowser, launchHeadless } from '../../cli/browser.ts';
import { modelFiles } from '../../cli/inputs.ts';
import type { PageRequest } from '../../cli/page_protocol.ts';
import { slicingRecipe } from '../../engine/plan.ts';
import type { CommandKind, Commands, EngineEvent, ExportReport, ModelSummary } from '../../engine/protocol.ts';
import { APP, say, within } from '../bench_browser.ts';
import type { LargeExport, LargeFigure, LargeStage } from './figures.ts';
import { watchBrowser } from './processes.ts';

/** A step that takes longer has stopped. */
const PATIENCE_MS = 3 * 3_600_000;
export const LARGE_WINDOWS = { samples: 4, eval_samples: 4, seqlen: 256 };
const SLICING = { sparsity: 0.25, round: 8, schedule: 'sequential', fusion: 'exact', head: 'auto' } as const;
const MIB = 2 ** 20;

/** One command of the engine, timed, with the most that the page took meanwhile. */
type Run = <K extends CommandKind>(stage: string, kind: K, request: PageRequest<K>) => Promise<Commands[K]['result']>;

/** Opens, measures, slices by 25 %, measures again, writes ONNX of that and GGUF of the dense model, and has both verified. */
export function wholeJob(folder: string): Promise<LargeFigure> {
  return inPage(folder, async (run, figure) => {
    const dense = await run('dense evaluation', 'evaluate', { target: 'dense' });
    figure.dense_perplexity = dense.perplexity;
    const { steps } = slicingRecipe(SLICING);
    await plan(run, figure);
    const made = await run('calibrating and slicing', 'compress', { steps });
    figure.used_storage_bytes = figure.stages.at(-1)?.storage_bytes;
    figure.sliced_parameters = made.parameters;
    figure.sliced_perplexity = (await run('sliced evaluation', 'evaluate', { target: made.id })).perplexity;
    const written = async (id: string, format: 'onnx' | 'gguf') => {
      const report = await run(`${format}, verified`, 'export', { id, options: { format } });
      figure.exports.push(exportFigure(report));
    };
    await written(made.id, 'onnx');
    await run('discard', 'discard', { id: made.id });
    await written('dense', 'gguf');
  });
}

/** Opens, plans a slicing by 25 %, and calibrates on what there is. */
export function calibration(folder: string): Promise<LargeFigure> {
  return inPage(folder, async (run, figure) => {
    // What stays of a calibration is what slicing by all bases at once goes on with.
    const { memory } = await run('plan', 'plan', slicingRecipe({ ...SLICING, schedule: 'rotate-once' }));
    figure.planned_bytes = memory?.device_bytes;
    figure.planned_storage_bytes = memory && memory.storage.bases + memory.storage.spill;
    await run('calibration', 'calibrate', { fusion: 'exact' });
    figure.used_storage_bytes = figure.stages.at(-1)?.storage_bytes;
  });
}

/** Opens, and plans a slicing by 25 %. */
export function planned(folder: string): Promise<LargeFigure> {
  return inPage(folder, plan);
}

async function plan(run: Run, figure: LargeFigure): Promise<void> {
  const { memory, storage_bytes } = await run('plan', 'plan', slicingRecipe(SLICING));
  figure.planned_bytes = memory?.device_bytes;
  figure.planned_storage_bytes = storage_bytes;
}

async function inPage(folder: string, job: (run: Run, figure: LargeFigure) => Promise<void>): Promise<LargeFigure> {
  const started = performance.now();
  const files = modelFiles(folder) ?? [];
  const browser = await launchHeadless(APP);
  const stages: LargeStage[] = [];
  let doing = 'start';
  let step = '';
  const meter = watchBrowser(() => [doing, step].filter(Boolean).join(': '));
  try {
    await browser.choose(
      'model',
      files.map(({ path }) => path),
    );
    const run: Run = async (stage, kind, request) => {
      doing = stage;
      step = '';
      say(`large: ${stage}`);
      meter?.restart();
      const begun = performance.now();
      const work = browser.run(kind, request, (event: EngineEvent) => {
        if (event.type === 'progress') step = event.step;
      });
      const result = await within(PATIENCE_MS, stage, work);
      const ms = Math.round(performance.now() - begun);
      meter?.look();
      stages.push({
        stage,
        ms,
        ...(meter && { page_bytes: meter.now.page_bytes, storage_bytes: meter.now.storage_bytes }),
      });
      say(
        `large: ${stage} took ${(ms / 1000).toFixed(1)} s${meter ? `, page ${(meter.now.page_bytes / MIB).toFixed(0)} MiB` : ''}`,
      );
      return result;
    };
    await run('start', 'start', { backend: 'cpu' });
    const paths = files.map(({ name }) => name);
    const summary = (await run('open', 'open', { source: { kind: 'chosen' }, paths })) as ModelSummary;
    const texts = { calibration: { kind: 'demo' }, evaluation: { kind: 'demo' } } as const;
    await run('texts', 'set_texts', { ...texts, ...LARGE_WINDOWS });
    const { parameters, bytes } = summary;
    const figure: LargeFigure = {
      parameters,
      bytes,
      layers: summary.shape.num_hidden_layers,
      stages,
      exports: [],
      seconds: 0,
    };
    await job(run, figure).catch((thrown) => {
      figure.failed = thrown instanceof Error ? thrown.message : String(thrown);
    });
    const { peak_gpu_bytes, peak_heap_bytes, disk } = await memoryOf(browser);
    return {
      ...figure,
      ...(meter && {
        page_bytes: meter.most.page_bytes,
        page_at: meter.most.page_at,
        storage_bytes: meter.most.storage_bytes,
      }),
      ...{ peak_gpu_bytes, peak_heap_bytes, disk },
      seconds: Math.round((performance.now() - started) / 1000),
    };
  } finally {
    meter?.stop();
    await browser.close();
  }
}

async function memoryOf(browser: HeadlessBrowser) {
  return browser.run('memory', {}).catch(() => ({ peak_gpu_bytes: 0, peak_heap_bytes: undefined, disk: undefined }));
}

function exportFigure(report: ExportReport): LargeExport {
  const { options, files, verified, perplexity, perplexity_in_app, max_abs_logit_difference, runtimes, duration_ms } =
    report;
  return {
    format: options.format,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    ...{ verified, perplexity, perplexity_in_app, max_abs_logit_difference },
    ...(runtimes.length > 0 && { parts: runtimes[0].parts ?? 1 }),
    export_ms: Math.round(duration_ms.export),
    verification_ms: Math.round(duration_ms.verification),
  };
}
