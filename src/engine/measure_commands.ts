/** @file Commands `evaluate` and `calibrate`: perplexity window by window, and the PCA of the dense model. */
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { CompressionContext } from '../compress/method.ts';
import { applyFusion } from '../compress/slicegpt/fuse.ts';
import { calibrateDense } from '../compress/slicegpt/rotate_once.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { DEFAULT_STATE_BUDGET } from '../runtime/budgets.ts';
import { DenseInputs, evaluateBeside, evaluateDense, headWidth } from '../runtime/compare.ts';
import type { DivergenceSummary } from '../runtime/divergence.ts';
import { type EvaluateOptions, type Evaluation, evaluate, summarize } from '../runtime/perplexity.ts';
import type { TokenWindows } from '../runtime/windows.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport, ProgressMeter } from './progress.ts';
import type { CalibrationReport, Commands, Fusion, PerplexityReport } from './protocol.ts';
import type { Calibrated, EngineState } from './state.ts';
import { assertStorage, slicingStorage, writtenByCalibration } from './storage_check.ts';

export async function evaluateCommand(
  state: EngineState,
  platform: EnginePlatform,
  { target, quick = false }: Commands['evaluate']['request'],
  emit: Emit,
  signal: AbortSignal,
): Promise<PerplexityReport> {
  const { evaluation: windows } = state.requireTexts();
  const isDense = target === 'dense';
  const model = isDense ? state.requireModel().open.model : state.requireRun(target).model;
  const meter = new ProgressMeter(emit, isDense ? 'dense_evaluation' : 'evaluation', () => memoryReport(state));
  const tokens = windows.count * windows.seqlen;
  const layers = model.layers.length;
  const losses: number[] = [];
  await state.requireBackend().compiled?.();
  const started = performance.now();
  const head_inputs: Float32Array[] = [];
  const { evaluation, divergence, comparison_ms } = await measured(state, platform, target, model, {
    signal,
    onHeadInput: (window, values) => {
      head_inputs[window] = values;
    },
    measuresDecoding: !quick,
    checkWeights: isDense,
    expected_rate: isDense ? undefined : state.dense?.report.tokens_per_second,
    onWindow: ({ index, loss }) => {
      losses.push(loss);
      emit({ type: 'window', target, index, count: windows.count, loss, ...summarize(losses) });
    },
    onProgress: (fraction, layer) => {
      const step = layer < layers ? 'forward pass' : 'head and loss';
      meter.report({ fraction, step, layer: Math.min(layer, layers - 1), layers, tokens: fraction * tokens });
    },
  });
  const { tokens_per_second, decode_tokens_per_second: decode } = evaluation;
  const protocol = state.protocolOf(target);
  const report: PerplexityReport = {
    target,
    ...summarize(losses),
    tokens_per_second,
    tokens,
    window_losses: losses,
    ...(decode !== undefined && { decode_tokens_per_second: decode }),
    ...(divergence && { divergence, comparison_ms }),
    protocol,
  };
  state.headInputs.set(report, head_inputs);
  const done = { report, duration_ms: performance.now() - started };
  if (isDense) state.dense = done;
  else state.requireRun(target).evaluation = done;
  return report;
}

/** The dense model's evaluation keeps what its head reads; every other model is compared with it. */
async function measured(
  state: EngineState,
  platform: EnginePlatform,
  target: 'dense' | string,
  model: DecoderModel,
  options: EvaluateOptions,
): Promise<{ evaluation: Evaluation; divergence?: DivergenceSummary; comparison_ms?: number }> {
  const backend = state.requireBackend();
  const { evaluation: windows } = state.requireTexts();
  const dense = state.requireModel().open.model;
  if (target !== 'dense' && state.denseInputs) {
    return evaluateBeside(backend, dense, state.denseInputs, model, windows, options);
  }
  if (target !== 'dense') {
    const inputs = await newDenseInputs(platform, dense, windows);
    try {
      await evaluateDense(backend, dense, windows, inputs, { signal: options.signal });
    } catch (error) {
      await inputs.clear();
      throw error;
    }
    state.denseInputs = inputs;
    return measured(state, platform, target, model, options);
  }
  await state.denseInputs?.clear();
  state.denseInputs = undefined;
  const inputs = await newDenseInputs(platform, dense, windows);
  try {
    const evaluation = await evaluateDense(backend, dense, windows, inputs, options);
    state.denseInputs = inputs;
    return { evaluation };
  } catch (error) {
    await inputs.clear();
    throw error;
  }
}

async function newDenseInputs(platform: EnginePlatform, model: DecoderModel, { seqlen }: TokenWindows) {
  return new DenseInputs(await platform.createScratch(), headWidth(model), seqlen);
}

export interface Numbers {
  perplexity: number;
  /** Mean loss of each evaluation window, in nats. */
  window_losses: number[];
  /** From the dense model; absent where what its head reads is not kept. */
  divergence?: DivergenceSummary;
}

/** Of any model on the evaluation windows beside the dense one, told as progress of an export. */
export async function measureNumbers(
  state: EngineState,
  model: DecoderModel,
  emit: Emit,
  signal: AbortSignal,
): Promise<Numbers> {
  if (!state.denseInputs) return measurePerplexity(state, model, 'export', emit, signal);
  const { evaluation: windows } = state.requireTexts();
  const dense = state.requireModel().open.model;
  const expected_rate = state.dense?.report.tokens_per_second;
  const options = { signal, expected_rate, onProgress: progressOf(state, 'export', windows, emit) };
  const both = await evaluateBeside(state.requireBackend(), dense, state.denseInputs, model, windows, options);
  return { ...numbersOf(both.evaluation.windows), divergence: both.divergence };
}

function progressOf(
  state: EngineState,
  stage: 'export' | 'verification',
  windows: TokenWindows,
  emit: Emit,
): (fraction: number) => void {
  const meter = new ProgressMeter(emit, stage, () => memoryReport(state));
  const step = stage === 'export' ? 'measuring the numbers that the file will hold' : 'measuring what was written';
  return (fraction) => meter.report({ fraction, step, tokens: fraction * windows.count * windows.seqlen });
}

/** Perplexity of any model on the evaluation windows, told as progress of a stage of another command. */
export async function measurePerplexity(
  state: EngineState,
  model: DecoderModel,
  stage: 'export' | 'verification',
  emit: Emit,
  signal: AbortSignal,
): Promise<Numbers> {
  const backend = state.requireBackend();
  const { evaluation: windows } = state.requireTexts();
  const onProgress = progressOf(state, stage, windows, emit);
  return numbersOf((await evaluate(backend, model, windows, { signal, onProgress })).windows);
}

function numbersOf(windows: Evaluation['windows']): Numbers {
  const window_losses = windows.map(({ loss }) => loss);
  return { perplexity: summarize(window_losses).perplexity, window_losses };
}

/** Context for a compression method that reports its sites as of `stream` and calls `onProgress` for its share of the command. */
export function compressionContext(
  state: EngineState,
  platform: EnginePlatform,
  scratch: CompressionContext['scratch'],
  stream: 'dense' | 'compressed',
  meter: ProgressMeter,
  emit: Emit,
  signal: AbortSignal,
): CompressionContext {
  return {
    backend: state.requireBackend(),
    calibration: state.requireTexts().calibration,
    scratch: cancellable(scratch, signal),
    spill: { budgetBytes: DEFAULT_STATE_BUDGET, createScratch: () => platform.createScratch() },
    signal,
    observer: {
      onProgress: (progress) => meter.report(progress),
      onSite: (site) => emit({ type: 'site', stream, site }),
    },
  };
}

/** A store that takes nothing more once a job is cancelled: a large head is stored in many blocks, each after a product. */
function cancellable(scratch: CompressionContext['scratch'], signal: AbortSignal): CompressionContext['scratch'] {
  return {
    async append(bytes) {
      throwIfCancelled(signal);
      return scratch.append(bytes);
    },
    clear: () => scratch.clear(),
  };
}

/** The dense bases for a fusion, computed once for a model and its texts. */
export async function denseBases(
  state: EngineState,
  platform: EnginePlatform,
  fusion: Fusion,
  emit: Emit,
  signal: AbortSignal,
): Promise<Calibrated> {
  const known = state.calibrated.get(fusion);
  if (known) return known;
  const { model } = state.requireModel().open;
  const meter = new ProgressMeter(emit, 'calibration', () => memoryReport(state));
  // Bases are whole whatever is kept of them later.
  const whole = { schedule: 'rotate-once', head: 'untied', dimension: model.config.hidden_size } as const;
  await assertStorage(platform, 'Calibrating this model', writtenByCalibration(slicingStorage(state, whole)));
  const scratch = await platform.createScratch();
  try {
    const context = compressionContext(state, platform, scratch, 'dense', meter, emit, signal);
    const bases = await calibrateDense(applyFusion(model, fusion), context);
    const calibrated = { bases, scratch };
    state.calibrated.set(fusion, calibrated);
    return calibrated;
  } catch (error) {
    await scratch.clear();
    throw error;
  }
}

export async function calibrateCommand(
  state: EngineState,
  platform: EnginePlatform,
  fusion: Fusion,
  emit: Emit,
  signal: AbortSignal,
): Promise<CalibrationReport> {
  const started = performance.now();
  const { bases } = await denseBases(state, platform, fusion, emit, signal);
  return { fusion, sites: [...bases.sites], duration_ms: performance.now() - started };
}
