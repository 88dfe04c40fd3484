/**
 * Every method on WebGPU, in one setting: whatever it asks of the backend (states, Grams, cross-Grams, products). With
 * WHITTLE_FULL=1 against the figures of torch that `methods_reference.test.ts` has; else, because a software adapter needs two
 * minutes for that, on little text against what the CPU backend makes of the same. Results are measured on the CPU backend.
 */
import { afterAll, beforeAll, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeWebGpuBackend, isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import type { WebGpuBackend } from '../src/backend/webgpu/webgpu_backend.ts';
import type { ExampleFile } from '../src/compress/examples/examples.ts';
import type { PassContext } from '../src/compress/method.ts';
import { METHODS } from '../src/compress/registry.ts';
import { describeWithShared, readSharedText, sharedModelFiles } from './shared.ts';
import { expectRow, LOOSE, type Row, referenceJob, rowOf, TEXTS } from './support/method_rows.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import { type TestJob, testJob } from './support/slice_job.ts';

const MODEL = 'stories260k';
const LITTLE = { seqlen: 64, samples: 2, eval_samples: 2 };

const ROWS: readonly (readonly [recipe: string, method: string, settings: Record<string, unknown>])[] = [
  ['rtn:bits=4,group=32', 'rtn', { bits: 4, group: 32 }],
  ['magnitude:pattern=2:4', 'magnitude', { sparsity: '2:4' }],
  ['wanda:sparsity=0.5', 'wanda', { sparsity: '50%' }],
  ['sparsegpt:sparsity=0.5', 'sparsegpt', { sparsity: '50%', block: 128, damp: 0.01 }],
  ['gptq:bits=4,group=32,delta=true', 'gptq:bits=4,group=32,delta=true', {}],
  ['awq:bits=4,group=32', 'awq', { bits: 4, group: 32, ratios: 20, clip: true }],
  ['owq:bits=4,group=32,keep=0.01', 'owq', { bits: 4, group: 32, kept_columns: 0.01 }],
  ['lorc:bits=4,group=32,rank=8', 'zeroquant-v2 lorc', { bits: 4, group: 32, rank: 8 }],
  ['svd:keep=0.8,whitened=true', 'svd', { keep: 0.8, whitened: true }],
  ['tensor_train:ratio=2,tied=true', 'tensor-train embedding', { ratio: 2, tied: true }],
  ['embed:bits=8', 'embedding int8 row', {}],
  ['correct:ridge=1; wanda:sparsity=0.5', 'stream-corrected wanda', { sparsity: '50%', ridge: 1 }],
  ['slicegpt:sparsity=0.25; recover:ridge=0.05', 'slicegpt + closed-form recovery', { sparsity: 0.25, ridge: 0.05 }],
];

/** In place of defaults that would take minutes, or change nothing on the dense model. */
const BRIEF: Record<string, string> = {
  heal: 'magnitude:sparsity=0.5; heal:rank=4,steps=2,batch=1',
  rft: 'rft:rank=4,steps=1,batch=1',
  loraprune: 'loraprune:units=channels,rank=4,steps=2,batch=1',
  peqa: 'peqa:steps=1,batch=1',
  qlora: 'qlora:rank=4,steps=1,batch=1',
  llm_qat: 'llm_qat:text=calibration,rank=4,steps=1,batch=1',
  tf_llmd: 'tf_llmd:rank=4,steps=1,batch=1',
  gkd: 'gkd:lambda=0,rank=4,steps=1,batch=1',
  minillm: 'minillm:rank=4,steps=1,batch=1,max_tokens=4',
  gum: 'gum:units=channels,rank=4,steps=2,batch=1',
};

/** Other settings of the same methods; a software adapter takes minutes for them. */
const MORE = [
  'magnitude:sparsity=0.5; heal:loss=hidden,rank=4,steps=2,batch=1',
  'magnitude:sparsity=0.5; heal:loss=jsd,rank=4,steps=2,batch=1',
  'gkd:lambda=1,rank=4,steps=2,batch=1,max_tokens=8',
  'llm_qat:windows=2,steps=1,batch=1',
  'loraprune:keep=0.75,rank=4,steps=4,batch=1',
];

/** Teaches nothing: what counts is that both backends learn the same of it. */
const LESSONS: ExampleFile = {
  file: 'lessons.jsonl',
  pairs: Array.from({ length: 4 }, (_, i) => ({ line: i + 1, prompt: `${i}`, message: `${i}`, completion: 'x' })),
  wording: {
    ends: [],
    text: () => '',
    asked: async (shots, { prompt }) =>
      Uint32Array.from({ length: 12 + 4 * shots.length }, (_, i) => 3 + ((7 * i + Number(prompt)) % 200)),
    async answered(shots, question, answer) {
      const ids = await this.asked(shots, question);
      return { ids: Uint32Array.from([...ids, 40 + answer.length, 41, 42, 43]), from: ids.length };
    },
  },
};

async function littleJob(): Promise<{ job: TestJob; rows: readonly Row[] }> {
  const text = (part: string) => readSharedText('text', `${TEXTS[MODEL]}.${part}.txt`);
  const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
  return { job: await testJob(await sharedModelFiles(MODEL), texts, LITTLE), rows: [] };
}

describeWithShared('methods on WebGPU', () => {
  let gpu: WebGpuBackend | undefined;
  const cpu = createWasmBackend();
  let job: TestJob;
  let rows: readonly Row[];
  let measure: ReturnType<typeof judge>;
  beforeAll(async () => {
    gpu = await createNodeWebGpuBackend();
    ({ job, rows } = await (isFull ? referenceJob(MODEL) : littleJob()));
    measure = judge(cpu, job);
  });
  afterAll(() => {
    gpu?.dispose();
    cpu.dispose();
  });

  async function cpuRow(recipe: string): Promise<Row> {
    const { parameters, ...figures } = await measure(await runRecipe(cpu, job, recipe));
    return { method: recipe, settings: {}, params: parameters, ...figures };
  }

  it.each(ROWS)('%s', { timeout: 120_000 }, async (recipe, method, settings) => {
    if (!gpu) return;
    const row = isFull ? rowOf(rows, method, settings) : await cpuRow(recipe);
    if (!row) throw new Error('no such row');
    expectRow(await measure(await runRecipe(gpu, job, recipe)), row);
  });

  // Whatever is new in the registry, with its defaults, until it has a row above.
  const named = new Set(ROWS.flatMap(([recipe]) => recipe.split('; ').map((step) => step.split(':')[0])));
  // One that learns from a file of examples has none here.
  const isAlone = ({ name }: { name: string }) => name !== 'distil';
  const unnamed = METHODS.filter(({ name, role = 'step' }) => role === 'step' && !named.has(name)).filter(isAlone);
  it.each(unnamed.map(({ name }) => BRIEF[name] ?? name))('%s, as on the CPU', { timeout: 120_000 }, async (recipe) => {
    if (!gpu) return;
    expectRow(await measure(await runRecipe(gpu, job, recipe)), await cpuRow(recipe), LOOSE);
  });
});

describeWithShared('other settings of methods that train, on WebGPU', () => {
  let gpu: WebGpuBackend | undefined;
  const cpu = createWasmBackend();
  let job: TestJob;
  let measure: ReturnType<typeof judge>;
  beforeAll(async () => {
    if (!isFull) return;
    gpu = await createNodeWebGpuBackend();
    ({ job } = await littleJob());
    measure = judge(cpu, job);
  });
  afterAll(() => {
    gpu?.dispose();
    cpu.dispose();
  });

  async function expectAlike(recipe: string, more: Partial<PassContext> = {}): Promise<void> {
    if (!gpu) return;
    const of = async (backend: Backend) => measure(await runRecipe(backend, job, recipe, undefined, more));
    const { parameters, ...figures } = await of(cpu);
    expectRow(await of(gpu), { method: recipe, settings: {}, params: parameters, ...figures }, LOOSE);
  }

  it.runIf(isFull).each(MORE)('%s, as on the CPU', { timeout: 240_000 }, (recipe) => expectAlike(recipe));

  it.runIf(isFull).each(['instruction', 'in_context'])('distil:form=%s, as on the CPU', { timeout: 240_000 }, (form) =>
    expectAlike(`magnitude:sparsity=0.5; distil:form=${form},data=lessons.jsonl,rank=4,steps=2,batch=1`, {
      examples: () => LESSONS,
    }),
  );
});
