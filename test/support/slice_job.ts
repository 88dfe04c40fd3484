/** @file Opening, slicing and measuring a model in one line, on any backend: for tests. */
import type { Backend } from '../../src/backend/backend.ts';
import type { CompressedModel, CompressionContext } from '../../src/compress/method.ts';
import { type SliceGptOptions, slicegpt } from '../../src/compress/slicegpt/slicegpt.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import { type ModelFile, openModel } from '../../src/models/open_model.ts';
import { memoryScratch } from '../../src/models/scratch.ts';
import { evaluate, summarize } from '../../src/runtime/perplexity.ts';
import { cutWindows, type TokenWindows } from '../../src/runtime/windows.ts';

export interface Windows {
  seqlen: number;
  samples: number;
  eval_samples: number;
}

export interface TestJob {
  model: DecoderModel;
  calibration: TokenWindows;
  evaluation: TokenWindows;
}

export async function testJob(
  files: ModelFile[],
  texts: { calibration: string; evaluation: string },
  sizes: Windows,
): Promise<TestJob> {
  const open = await openModel(files);
  const { seqlen, samples, eval_samples } = sizes;
  return {
    model: open.model,
    calibration: cutWindows(open.tokenizer.encode(texts.calibration), seqlen, samples, 'calibration'),
    evaluation: cutWindows(open.tokenizer.encode(texts.evaluation), seqlen, eval_samples, 'evaluation'),
  };
}

export const EXACT_SEQUENTIAL = { round: 8, schedule: 'sequential', fusion: 'exact', head: 'untied' } as const;

export function compressionContext(backend: Backend, job: TestJob): CompressionContext {
  return {
    backend,
    calibration: job.calibration,
    scratch: memoryScratch(),
    signal: new AbortController().signal,
    observer: { onProgress() {} },
  };
}

export function compress(backend: Backend, job: TestJob, options: SliceGptOptions): Promise<CompressedModel> {
  return slicegpt.compress(job.model, options, compressionContext(backend, job));
}

export async function perplexity(backend: Backend, model: DecoderModel, windows: TokenWindows): Promise<number> {
  const evaluation = await evaluate(backend, model, windows);
  return summarize(evaluation.windows.map(({ loss }) => loss)).perplexity;
}

/** |a/b − 1|. */
export function relativeDifference(a: number, b: number): number {
  return Math.abs(a / b - 1);
}

/** English-like words, seeded: enough text for any tiny model. */
export function seededText(seed: number, words: number): string {
  const vocabulary = [
    'the',
    'river',
    'and',
    'a',
    'stone',
    'light',
    'of',
    'under',
    'old',
    'houses',
    'went',
    'slowly',
    'in',
    'rain',
  ];
  let state = seed >>> 0 || 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from(
    { length: words },
    (_, i) => vocabulary[Math.floor(next() * vocabulary.length)] + (i % 11 === 10 ? '.' : ''),
  ).join(' ');
}
