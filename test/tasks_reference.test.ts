/**
 * @file Multiple-choice tasks against lm-evaluation-harness itself (tools/tasks_reference.py): the log-likelihood of every
 * answer, and the metrics with their standard errors.
 */
import { openAsBlob, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeWebGpuBackend, isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { readTask } from '../src/formats/tasks/read_task.ts';
import { type ModelFile, openModel } from '../src/models/open_model.ts';
import { taskScore } from '../src/runtime/tasks/accuracy.ts';
import { logLikelihoods } from '../src/runtime/tasks/log_likelihoods.ts';
import { scoredTokens } from '../src/runtime/tasks/tokens.ts';
import { describeWithShared, folderFiles, sharedModelFiles } from './shared.ts';

const FORMS = ['piqa', 'arc_easy', 'hellaswag', 'winogrande'] as const;

interface Figures {
  acc: number;
  acc_stderr: number;
  acc_norm?: number;
  acc_norm_stderr?: number;
  acc_bytes?: number;
  log_likelihoods: number[][];
}

const path = (name: string) => fileURLToPath(new URL(`./fixtures/tasks/${name}`, import.meta.url));
const reference = (model: string) =>
  (JSON.parse(readFileSync(path(`reference_${model}.json`), 'utf8')) as { tasks: Record<string, Figures> }).tasks;
const taskOf = async (name: string) => readTask(`${name}.jsonl`, await openAsBlob(path(`${name}.jsonl`)));

/** What stands in the file is what the model gives; float32 against float64. */
async function check(backend: Backend, files: readonly ModelFile[], model: string, form: string): Promise<void> {
  const open = await openModel([...files]);
  const task = await taskOf(form);
  const tokenizer = {
    tokenizer: open.tokenizer,
    begins: open.tokenizer.adds_bos,
    positions: open.model.config.max_position_embeddings,
  };
  const expected = reference(model)[form];
  const texts = task.examples.flatMap((example) =>
    example.candidates.map((candidate) => scoredTokens(tokenizer, task, example, candidate)),
  );
  const found = await logLikelihoods(backend, open.model, texts);
  expected.log_likelihoods.flat().forEach((value, i) => {
    expect(Math.abs(found[i] - value) / Math.max(1, Math.abs(value)), `answer ${i}`).toBeLessThan(1e-4);
  });
  let next = 0;
  const grouped = task.examples.map(({ candidates }) => {
    next += candidates.length;
    return found.subarray(next - candidates.length, next);
  });
  const score = taskScore(task, grouped);
  expect(score.acc).toEqual({ value: expect.closeTo(expected.acc, 9), error: expect.closeTo(expected.acc_stderr, 9) });
  expect(score.acc_norm?.value).toEqual(close(expected.acc_norm));
  expect(score.acc_norm?.error).toEqual(close(expected.acc_norm_stderr));
  expect(score.acc_bytes?.value).toEqual(close(expected.acc_bytes));
}

const close = (value: number | undefined) => (value === undefined ? undefined : expect.closeTo(value, 9));

describe('multiple-choice tasks, as lm-evaluation-harness scores them', () => {
  const backend = createWasmBackend();
  afterAll(() => backend.dispose());

  // Every form is held on the smaller model below.
  it.each(isFull ? FORMS : (['winogrande'] as const))('%s on the built-in model', async (form) => {
    await check(backend, await folderFiles(fileURLToPath(new URL('../public/demo', import.meta.url))), 'demo', form);
  });

  it('counts from the likelihoods alone what the harness counts', async () => {
    for (const model of ['demo', 'stories260k']) {
      for (const [form, expected] of Object.entries(reference(model))) {
        const score = taskScore(await taskOf(form), expected.log_likelihoods);
        expect(score.acc.value, `${model} ${form}`).toBeCloseTo(expected.acc, 9);
        expect(score.acc_norm?.value, `${model} ${form}`).toEqual(close(expected.acc_norm));
      }
    }
  });
});

describeWithShared('multiple-choice tasks with shared models', () => {
  const cpu = createWasmBackend();
  let gpu: Backend | undefined;
  afterAll(() => {
    cpu.dispose();
    gpu?.dispose();
  });

  it.each(FORMS)('%s on stories260k', async (form) => {
    await check(cpu, await sharedModelFiles('stories260k'), 'stories260k', form);
  });

  it('hellaswag on stories260k, on WebGPU', async () => {
    gpu = await createNodeWebGpuBackend();
    if (!gpu) throw new Error('Dawn gives no adapter');
    await check(gpu, await sharedModelFiles('stories260k'), 'stories260k', 'hellaswag');
  });
});
