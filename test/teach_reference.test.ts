/**
 * @file Trainings on examples and on the student's own texts against `tools/teach/reference.py` (torch autograd in f64, each loss from its
 * paper): losses and gradient norms of three steps, with the texts that a student would sample given to both.
 */
import { describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { conditionedRows } from '../src/compress/distil/in_context.ts';
import type { ExampleTokens } from '../src/compress/examples/examples.ts';
import { answersObjective } from '../src/compress/examples/objective.ts';
import { answerTargets, exampleWindows } from '../src/compress/examples/windows.ts';
import { gkdObjective } from '../src/compress/gkd/gkd.ts';
import type { PassContext } from '../src/compress/method.ts';
import { minillmObjective } from '../src/compress/minillm/minillm.ts';
import type { Choose } from '../src/compress/on_policy/sample.ts';
import { textPrompts } from '../src/compress/on_policy/text.ts';
import { truncated } from '../src/compress/tf_llmd/tf_llmd.ts';
import type { Objective } from '../src/compress/train/held_out.ts';
import { linearPlaces } from '../src/compress/train/linears.ts';
import { TeacherStates } from '../src/compress/train/teacher_states.ts';
import { textTargets, withTeacher } from '../src/compress/train/text_and_teacher.ts';
import type { DecoderModel } from '../src/models/decoder_model.ts';
import { openModel } from '../src/models/open_model.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { type Arena, withArena } from '../src/runtime/arena.ts';
import { createAdapter } from '../src/runtime/backward/adapters.ts';
import { AdapterTraining, stepWindows } from '../src/runtime/backward/training.ts';
import type { TokenWindows } from '../src/runtime/windows.ts';
import reference from './fixtures/teach.json' with { type: 'json' };
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { compressionContext } from './support/slice_job.ts';

/** The formulas of reference.py. */
function spread(count: number, k: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    return ((i * 7919 + k * 104729 + ((i * i) % 1013) * 31) % 10007) / 10007 - 0.5;
  });
}
const text = (s: number, length: number) =>
  Uint32Array.from({ length }, (_, i) => (i * 37 + s * 11 + ((i * i) % 5) * 7) % 264);
const [RANK, SCALE, LR] = [2, 1, 0.02];

const backend = createCpuBackend();
const { model: dense } = await openModel(
  await tinyLlama({
    ...{ hidden_size: 16, intermediate_size: 24, num_hidden_layers: 3, vocab_size: 264, dtype: 'F32' },
    edit: (tensors) =>
      tensors.map((tensor, k) => {
        const { shape, name, values } = tensor;
        const found = spread(values.length, k);
        if (shape.length === 1) return { ...tensor, values: Float32Array.from(found, (x) => 1 + 0.4 * x) };
        const scale = name.startsWith('model.embed') ? 3.4 : 3.4 / Math.sqrt(shape[1]);
        return { ...tensor, values: Float32Array.from(found, (x) => scale * x) };
      }),
  }),
);

const rows: ExampleTokens[] = [
  { ids: text(1, 12), from: 5 },
  { ids: text(2, 9), from: 4 },
];
const reasons: ExampleTokens[] = [
  { ids: text(3, 11), from: 5 },
  { ids: text(4, 12), from: 4 },
];
const plain: TokenWindows = {
  seqlen: 12,
  count: 2,
  ids: Uint32Array.from([...text(7, 12), ...text(8, 12)]),
  totalTokens: 24,
};
const job = { model: dense, calibration: plain, evaluation: plain };
const context: PassContext = { ...compressionContext(backend, job), dense, before: [], after: [] };
const statesOf = (windows: TokenWindows) =>
  TeacherStates.of(backend, dense, windows, memoryScratch(), context.signal, () => {});
/** What the student "samples": the tokens of reference.py, whatever it thinks of them. */
const given = (sample: number): Choose => {
  const tokens = [text(9, 6), text(10, 8)][sample];
  let next = 0;
  return () => tokens[next++];
};
/** Samples of different lengths end where their tokens do. */
const prompts = { ...textPrompts(plain, 4), ends: [text(9, 6)[5], text(10, 8)[7]] };

interface Case {
  readonly model?: DecoderModel;
  readonly windows: TokenWindows;
  readonly objective: Objective;
}

const CASES: Record<keyof typeof reference, () => Promise<Case>> = {
  instruction: async () => {
    const answers = exampleWindows(
      rows.map((row) => [row]),
      12,
      'rows',
    );
    return { windows: answers.windows, objective: answersObjective('', answers) };
  },
  cot: async () => {
    const answers = exampleWindows(
      rows.map((row, i) => [row, reasons[i]]),
      12,
      'rows',
    );
    return { windows: answers.windows, objective: answersObjective('', answers, [1, 0.5]) };
  },
  in_context: async () => {
    const answers = exampleWindows(
      rows.map((row) => [row]),
      12,
      'rows',
    );
    const seen = rows.map(({ ids, from }, i) => {
      const shot = [text(5, 6), text(6, 8)][i];
      return { ids: Uint32Array.from([...shot, ...ids]), from: from + shot.length };
    });
    const states = await TeacherStates.filled(answers.windows, memoryScratch(), (put) =>
      conditionedRows(context, seen, answers, put, () => {}),
    );
    const objective: Objective = {
      label: '',
      of: async (arena, chosen, batches, among) =>
        withTeacher(answerTargets(answers, chosen, batches, among), 0.3, async () => ({
          ...{ kind: 'forward_kl', head: dense.lm_head, inputs: await states.inputs(arena, chosen, batches) },
        })),
    };
    return { windows: answers.windows, objective };
  },
  tf_llmd: async () => {
    const states = await statesOf(plain);
    const objective: Objective = {
      label: '',
      of: async (arena, chosen, batches, among) =>
        withTeacher(textTargets(arena, plain, chosen, batches, among), 0.4, async () => ({
          ...{ kind: 'forward_kl', head: dense.lm_head, inputs: await states.inputs(arena, chosen, batches) },
        })),
    };
    return { model: truncated(dense, { take: 'every', layers: 2 }), windows: plain, objective };
  },
  gkd: async () => {
    const options = { lambda: 1, beta: 0.3, seed: 0, max_tokens: 8 };
    const objective = gkdObjective(dense, prompts, await statesOf(plain), options, context, given);
    return { windows: plain, objective };
  },
  minillm: async () => {
    const options = { share: 0.2, clip: 0.2, pt: 0.5, seed: 0, max_tokens: 8, batch: 2 };
    const objective = minillmObjective(dense, prompts, await statesOf(plain), plain, options, context, given);
    return { windows: plain, objective };
  },
};

function adaptersOf(arena: Arena, model: DecoderModel) {
  return new Map(
    linearPlaces(model).map(({ weight }, j) => {
      const [out, inputs] = weight.shape;
      const A = spread(RANK * inputs, 100 + 2 * j).map((x) => (2 * x) / Math.sqrt(inputs));
      const B = spread(out * RANK, 101 + 2 * j).map((x) => 0.5 * x);
      return [weight, createAdapter(arena, { A, B, scale: SCALE }, weight.shape, weight.name)] as const;
    }),
  );
}

describe('three steps as torch takes them', () => {
  it.each(Object.keys(CASES) as (keyof typeof reference)[])('%s', async (name) => {
    const { model = dense, windows, objective } = await CASES[name]();
    await withArena(backend, async (arena) => {
      const adapters = adaptersOf(arena, model);
      const options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, clip_norm: 1 };
      const training = new AdapterTraining(arena, model, adapters, windows.seqlen, options);
      const all = Array.from({ length: windows.count }, (_, i) => i);
      for (const [step, expected] of reference[name].entries()) {
        const { loss, norm } = await withArena(backend, async (own) => {
          const made = await objective.practice?.(own, step, all, { adapters, whole: new Map() });
          const usual = stepWindows(own, windows, all);
          const lesson = made ?? { ...usual, ...(await objective.of(own, all, usual.batches, all)) };
          const { windows: taken, batches, shown_loss, ...goal } = { shown_loss: undefined, ...lesson };
          const lowered = await training.step(taken, batches, LR, goal);
          const normOf = async (part: 'grad_A' | 'grad_B') => {
            let sum = 0;
            for (const adapter of adapters.values()) for (const x of await backend.read(adapter[part])) sum += x * x;
            return Math.sqrt(sum);
          };
          return { loss: shown_loss ?? lowered, norm: { A: await normOf('grad_A'), B: await normOf('grad_B') } };
        });
        expect(loss / expected.loss, `loss of step ${step}`).toBeCloseTo(1, 4);
        expect(norm.A / expected.grad_A, `gradient by A, step ${step}`).toBeCloseTo(1, 4);
        expect(norm.B / expected.grad_B, `gradient by B, step ${step}`).toBeCloseTo(1, 4);
      }
    });
  });
});
