/** @file Command `diff`: the open model or one of its runs beside another run or another model's files, tensor by tensor. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { openModel } from '../../models/open_model.ts';
import { sourceFiles } from '../open_command.ts';
import type { EnginePlatform } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { ModelSource } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { diffModels, type TensorDifference } from './tensor_diff.ts';

/** `dense`, the id of a run, or another model, which is read and closed again. */
export type DiffSide = 'dense' | string | ModelSource;

export interface DiffRequest {
  readonly a: DiffSide;
  readonly b: DiffSide;
}

export interface DiffReport {
  readonly tensors: TensorDifference[];
}

/** Throws `no_model`, and what opening a model throws. */
export async function diffCommand(
  state: EngineState,
  platform: EnginePlatform,
  { a, b }: DiffRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<DiffReport> {
  const meter = new ProgressMeter(emit, 'loading', () => memoryReport(state));
  const left = await sideOf(state, platform, a);
  try {
    const right = await sideOf(state, platform, b);
    try {
      const tensors = await diffModels(left.model, right.model, {
        signal,
        onProgress: (fraction, name) => meter.report({ fraction, step: `comparing ${name}` }),
      });
      return { tensors };
    } finally {
      right.release?.();
    }
  } finally {
    left.release?.();
  }
}

async function sideOf(
  state: EngineState,
  platform: EnginePlatform,
  side: DiffSide,
): Promise<{ model: DecoderModel; release?: () => void }> {
  if (side === 'dense') return { model: state.requireModel().open.model };
  if (typeof side === 'string') return { model: state.requireRun(side).model };
  const { files, release } = await sourceFiles(platform, side);
  try {
    return { model: (await openModel(files)).model, ...(release && { release }) };
  } catch (thrown) {
    release?.();
    throw thrown;
  }
}
