/** @file Samples of the student for one step, as windows. */

import type { Tensor } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { teacherInputs } from '../../runtime/backward/teacher.ts';
import { batchesOf, rowsPerBatch, type TokenWindows, type WindowBatch } from '../../runtime/windows.ts';
import type { PassContext } from '../method.ts';
import type { Trainable } from '../train/linears.ts';
import { uniform } from '../train/random.ts';
import { type Choose, drawing, type Sample, sampled } from './sample.ts';
import type { Prompts } from './text.ts';
import { Writer } from './writer.ts';

export interface StepSampling {
  readonly seed: number;
  readonly max_tokens: number;
  /** Of the dense model in what is drawn from; absent: it does not take part. */
  readonly share?: number;
  /** In place of a draw. */
  readonly choose?: (sample: number) => Choose;
}

/** One for each window that was chosen. The numbers drawn depend on seed, step and place alone. */
export function samplesOf(
  model: DecoderModel,
  trainable: Trainable,
  { promptOf, ends, text }: Prompts,
  step: number,
  chosen: readonly number[],
  { seed, max_tokens, share, choose }: StepSampling,
  { backend, dense, signal }: PassContext,
): Promise<Sample[]> {
  return withArena(backend, async (arena) => {
    const student = new Writer(arena, model, trainable);
    const teacher = share === undefined ? undefined : new Writer(arena, dense);
    const samples: Sample[] = [];
    for (const [i, window] of chosen.entries()) {
      const prompt = promptOf(window);
      samples.push(
        await sampled(prompt, {
          ...{ student, ends, signal, count: Math.min(max_tokens, text.seqlen - prompt.length) },
          ...(teacher && { teacher }),
          choose: choose?.(i) ?? drawing(share ?? 0, uniform(seed, 6, step, i)),
        }),
      );
    }
    return samples;
  });
}

/** Padded to a window each, with the places of what was written. @param more Windows behind them, of the same length. */
export function sampleWindows(
  samples: readonly Sample[],
  seqlen: number,
  more: readonly Uint32Array[] = [],
): { windows: TokenWindows; spans: { from: number; length: number }[] } {
  const count = samples.length + more.length;
  const ids = new Uint32Array(count * seqlen);
  const spans = samples.map(({ prompt, tokens }, i) => {
    ids.set(prompt, i * seqlen);
    ids.set(tokens, i * seqlen + prompt.length);
    return { from: prompt.length, length: prompt.length + tokens.length };
  });
  for (const [i, own] of more.entries()) ids.set(own.subarray(0, seqlen), (samples.length + i) * seqlen);
  return { windows: { seqlen, count, ids, totalTokens: ids.length }, spans };
}

/** All of them. */
export function practiceBatches({ backend }: PassContext, windows: TokenWindows): WindowBatch[] {
  return batchesOf(windows, 0, windows.count, rowsPerBatch(backend.info));
}

/** What the dense head reads of windows that were just made; nothing else stays of its pass. */
export async function freshTeacher(
  arena: Arena,
  { dense, signal }: PassContext,
  windows: TokenWindows,
  batches: readonly WindowBatch[],
): Promise<Tensor[]> {
  const inputs = await teacherInputs(arena, dense, windows, batches, signal);
  arena.freeWorkspace();
  return inputs;
}
