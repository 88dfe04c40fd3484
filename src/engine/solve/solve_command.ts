/** @file Command `solve`: the best recipe of a size, told with what was predicted and measured; `compress` then makes it. */

import type { PassContext } from '../../compress/method.ts';
import { storedType } from '../../compress/slicegpt/store.ts';
import { searchSeconds } from '../../compress/solver/search_time.ts';
import { type Candidate, solve } from '../../compress/solver/solve.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import type { ExportFormat } from '../export/options.ts';
import { compressionContext } from '../measure_commands.ts';
import type { EnginePlatform } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { ModelSummary } from '../protocol.ts';
import { memoryPlanOf, searchMemory } from '../recipe_memory.ts';
import type { EngineState } from '../state.ts';
import { assertStorage } from '../storage_check.ts';
import { formatTarget } from './format_target.ts';
import { heldWindows } from './held_windows.ts';

/**
 * How large the model shall be: bytes of the weights in a file, a share of the bytes that the opened weights have (0 … 1), or
 * bits for each parameter of the open model.
 */
export type SolveTarget =
  | { readonly bytes: number }
  | { readonly share: number }
  | { readonly bits_per_weight: number };

export interface SolveReport {
  readonly target_bytes: number;
  readonly format: ExportFormat;
  /** Windows of the calibration text that fitted nothing and measured everything. */
  readonly held_windows: number;
  /** The best first. */
  readonly candidates: readonly Candidate[];
  readonly smallest_bytes: number;
  readonly duration_ms: number;
}

export async function solveCommand(
  state: EngineState,
  platform: EnginePlatform,
  { target, format }: { target: SolveTarget; format: ExportFormat },
  emit: Emit,
  signal: AbortSignal,
): Promise<SolveReport> {
  const started = performance.now();
  const { open, summary } = state.requireModel();
  const { calibration } = state.requireTexts();
  const { fit, held } = holdBack(calibration);
  const targetBytes = bytesOfTarget(target, summary);
  const memory = memoryPlanOf(state);
  const formatted = targetOf(state, format);
  const spill = memory ? searchMemory(open.model, formatted, memory).storage.spill : 0;
  await assertStorage(platform, 'The search for a recipe', spill);
  const scratch = await platform.createScratch();
  try {
    const context = searchContext(state, platform, scratch, fit, emit, signal);
    const request = {
      ...formatted,
      ...{ targetBytes, held, createScratch: () => platform.createScratch() },
    };
    const { candidates, smallest } = await solve(open.model, request, context);
    const duration_ms = performance.now() - started;
    return {
      ...{
        target_bytes: targetBytes,
        format,
        held_windows: held.count,
        candidates,
        smallest_bytes: smallest,
        duration_ms,
      },
    };
  } finally {
    await scratch.clear();
  }
}

/** Command `solve_time`: seconds that a search would take, from a small part of it; null where even that is too long. */
export async function solveTimeCommand(
  state: EngineState,
  platform: EnginePlatform,
  { format }: { format: ExportFormat },
  emit: Emit,
  signal: AbortSignal,
): Promise<number | null> {
  const { open } = state.requireModel();
  const { fit, held } = holdBack(state.requireTexts().calibration);
  const scratch = await platform.createScratch();
  try {
    const context = searchContext(state, platform, scratch, fit, emit, signal);
    const request = { ...targetOf(state, format), held, createScratch: () => platform.createScratch() };
    return await searchSeconds(open.model, request, context);
  } finally {
    await scratch.clear();
  }
}

function targetOf(state: EngineState, format: ExportFormat) {
  const { open } = state.requireModel();
  return formatTarget(format, open, bytesPerElement(storedType(open.model)), state.importance?.values);
}

function searchContext(
  state: EngineState,
  platform: EnginePlatform,
  scratch: ScratchStore,
  calibration: TokenWindows,
  emit: Emit,
  signal: AbortSignal,
): PassContext {
  const meter = new ProgressMeter(emit, 'search', () => memoryReport(state));
  const shared = compressionContext(state, platform, scratch, 'dense', meter, emit, signal);
  const { model } = state.requireModel().open;
  return { ...shared, calibration, dense: model, before: [], after: [], importance: state.importance?.values };
}

export function bytesOfTarget(target: SolveTarget, { bytes, parameters }: ModelSummary): number {
  if ('bytes' in target) return target.bytes;
  return Math.floor('share' in target ? target.share * bytes : (target.bits_per_weight * parameters) / 8);
}

/** The last windows of the calibration text fit nothing while the solver looks; the model itself is then made with all of them. */
function holdBack(windows: TokenWindows): { fit: TokenWindows; held: TokenWindows } {
  const count = heldWindows(windows.count);
  if (windows.count < 2) {
    throw new WhittleError({
      code: 'bad_option',
      message: 'A target size needs calibration windows that can be held back, and there is one window.',
      place: { field: 'samples' },
      allowed: '2 windows or more',
      action: 'Use more calibration windows.',
    });
  }
  const first = windows.count - count;
  const cut = first * windows.seqlen;
  return {
    fit: { ...windows, count: first, ids: windows.ids.subarray(0, cut) },
    held: { ...windows, count, ids: windows.ids.subarray(cut, windows.count * windows.seqlen) },
  };
}
