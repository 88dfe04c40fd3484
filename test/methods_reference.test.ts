/**
 * @file Methods against `shared/reference/methods/*.json`: bytes and counts exact, perplexity within 0.5 %, divergence within
 * 3 % (or 2e-5). A new method adds its rows to ROWS.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import drift from './fixtures/drift.json';
import zeroquant from './fixtures/zeroquant.json';
import { describeWithShared, readSharedJson, readSharedText, sharedModelFiles } from './shared.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import { relativeDifference, type TestJob, testJob } from './support/slice_job.ts';

interface Row {
  method: string;
  settings: Record<string, unknown>;
  perplexity: number;
  kl: number;
  top1: number;
  bytes: number;
  params: number;
}

interface Reference {
  protocol: { seqlen: number; samples: number; eval_samples: number };
  methods: Row[];
}

/** A recipe and the row that it is held to. */
type Held = readonly [recipe: string, method: string, settings: Record<string, unknown>];

const ROWS: readonly Held[] = [
  ['rtn:bits=4,group=32', 'rtn', { bits: 4, group: 32 }],
  ['rtn:bits=4,group=128', 'rtn', { bits: 4, group: 128 }],
  ['rtn:bits=3,group=32', 'rtn', { bits: 3, group: 32 }],
  ['rtn:bits=2,group=32', 'rtn', { bits: 2, group: 32 }],
  ['rtn:bits=8,group=row', 'rtn', { bits: 8, group: 'row', symmetric: true }],
  ['magnitude:sparsity=0.5', 'magnitude', { sparsity: '50%' }],
  ['magnitude:pattern=2:4', 'magnitude', { sparsity: '2:4' }],
  ['wanda:sparsity=0.5', 'wanda', { sparsity: '50%' }],
  ['wanda:pattern=2:4', 'wanda', { sparsity: '2:4' }],
  ['wanda:pattern=4:8', 'wanda', { sparsity: '4:8' }],
  ['wanda:sparsity=0.5,repair=true', 'wanda + least squares', { sparsity: '50%', damp: 0.01 }],
  ['sparsegpt:sparsity=0.5', 'sparsegpt', { sparsity: '50%', block: 128, damp: 0.01 }],
  ['sparsegpt:pattern=2:4', 'sparsegpt', { sparsity: '2:4', block: 128, damp: 0.01 }],
  ['gptq:bits=4,group=32', 'gptq', { bits: 4, group: 32, act_order: false, damp: 0.01 }],
  ['gptq:bits=4,group=128', 'gptq', { bits: 4, group: 128, act_order: false, damp: 0.01 }],
  ['gptq:bits=3,group=32', 'gptq', { bits: 3, group: 32, act_order: false, damp: 0.01 }],
  ['gptq:bits=2,group=32', 'gptq', { bits: 2, group: 32, act_order: false, damp: 0.01 }],
  ['gptq:bits=4,group=32,order=dynamic', 'gptq', { bits: 4, group: 32, act_order: true, damp: 0.01 }],
  ['gptq:bits=4,group=128,order=dynamic', 'gptq', { bits: 4, group: 128, act_order: true, damp: 0.01 }],
  ['gptq:bits=4,group=32,order=static', 'gptq', { bits: 4, group: 32, act_order: 'static groups', damp: 0.01 }],
  ['gptq:bits=3,group=32,order=static', 'gptq', { bits: 3, group: 32, act_order: 'static groups', damp: 0.01 }],
  [
    'gptq:bits=4,group=32,params=lazy',
    'gptq',
    { bits: 4, group: 32, act_order: false, damp: 0.01, grid: 'lazy, as official' },
  ],
  ['awq:bits=4,group=32,clip=false', 'awq', { bits: 4, group: 32, ratios: 20, clip: false }],
  ['awq:bits=4,group=32', 'awq', { bits: 4, group: 32, ratios: 20, clip: true }],
  ['awq:bits=3,group=32', 'awq', { bits: 3, group: 32, ratios: 20, clip: true }],
  ['owq:bits=4,group=32,keep=0.01', 'owq', { bits: 4, group: 32, kept_columns: 0.01 }],
  ['owq:bits=3,group=32,keep=0.01', 'owq', { bits: 3, group: 32, kept_columns: 0.01 }],
  ['owq:bits=3,group=32,keep=0.03', 'owq', { bits: 3, group: 32, kept_columns: 0.03 }],
  ['lorc:bits=4,group=32,rank=8', 'zeroquant-v2 lorc', { bits: 4, group: 32, rank: 8 }],
  ['lorc:bits=4,group=128,rank=16', 'zeroquant-v2 lorc', { bits: 4, group: 128, rank: 16 }],
  ['w8a8:smooth=none', 'w8a8', { alpha: null }],
  ['w8a8:smooth=0.5', 'smoothquant', { alpha: 0.5, weights: 'int8 row', activations: 'int8 token' }],
  ['llm_int8:threshold=6', 'llm.int8', { threshold: 6 }],
  ['llm_int8:threshold=2', 'llm.int8', { threshold: 2 }],
  ['rptq:clusters=8,activation_bits=8', 'rptq', { weights: 'rtn int4 g32', activation_bits: 8, clusters: 8 }],
  ['rptq:clusters=8,activation_bits=4', 'rptq', { weights: 'rtn int4 g32', activation_bits: 4, clusters: 8 }],
  ['rptq:clusters=32,activation_bits=4', 'rptq', { weights: 'rtn int4 g32', activation_bits: 4, clusters: 32 }],
  ['rptq:clusters=1,activation_bits=4', 'rptq', { weights: 'rtn int4 g32', activation_bits: 4, clusters: 1 }],
  ['svd:keep=0.8,whitened=false', 'svd', { keep: 0.8, whitened: false }],
  ['svd:keep=0.8,whitened=true', 'svd', { keep: 0.8, whitened: true }],
  ['tensor_train:ratio=2,tied=true', 'tensor-train embedding', { ratio: 2, tied: true }],
  ['tensor_train:ratio=2,tied=false', 'tensor-train embedding', { ratio: 2, tied: false }],
  ['tensor_train:ratio=4,tied=true', 'tensor-train embedding', { ratio: 4, tied: true }],
  ['slicegpt:sparsity=0.25', 'slicegpt', { sparsity: 0.25, head: 'tied, exact' }],
  ['slicegpt:sparsity=0.1; recover:ridge=0.3', 'slicegpt + closed-form recovery', { sparsity: 0.1, ridge: 0.3 }],
  ['slicegpt:sparsity=0.25; recover:ridge=0.05', 'slicegpt + closed-form recovery', { sparsity: 0.25, ridge: 0.05 }],
  ['slicegpt:sparsity=0.5; recover:ridge=0.3', 'slicegpt + closed-form recovery', { sparsity: 0.5, ridge: 0.3 }],
  [
    'slicegpt:sparsity=0.25; gptq:bits=4,group=32',
    'slicegpt -> gptq',
    { sparsity: 0.25, bits: 4, group: 32, shortcuts: 'float16', when: 'after slicing' },
  ],
  [
    'slicegpt:sparsity=0.25; recover:ridge=0.05; gptq:bits=4,group=32',
    'slicegpt + closed-form recovery -> gptq',
    { sparsity: 0.25, ridge: 0.05, bits: 4, group: 32, shortcuts: 'float16', when: 'after slicing' },
  ],
];

/**
 * A rounding tie moves these: 3 % in perplexity, 8 % in divergence. Codes of one matrix on a fixed Gram are equal. (Act-order
 * with one group a row: the oracle itself gives 3.903 to 3.927 on stories260k, by machine and under noise of 1e-6.)
 * With activations of 4 bits on fixed grids the oracle gives 11.42 to 11.94, 7.15 to 7.28 and 88.4 to 91.4 under that noise in the embeddings.
 */
const UNSTABLE = /^(gptq|owq):bits=[23]|group=128,order=dynamic|^rptq:.*activation_bits=4/;

/** An asymmetric grid depends on the signs of the eigenvectors, which are arbitrary: the oracle itself gives 16.6 to 17.6 here. */
const ARBITRARY_SIGNS: Record<string, RegExp> = { stories260k: /^slicegpt.*gptq/ };

/** Rows of `shared/torch/experiments_*.jsonl`; a model that lacks one is not held to it. */
const EXPERIMENTS: readonly Held[] = [
  ['embed:bits=8', 'embedding int8 row', {}],
  ['embed:bits=4', 'embedding int4 g32', {}],
  ['correct:ridge=1; wanda:sparsity=0.5', 'stream-corrected wanda', { sparsity: '50%', ridge: 1 }],
  ['correct:ridge=1; sparsegpt:sparsity=0.5', 'stream-corrected sparsegpt', { sparsity: '50%', ridge: 1 }],
  [
    'correct:ridge=1; wanda:sparsity=0.5,repair=true',
    'stream-corrected wanda + masked least squares',
    { sparsity: '50%', ridge: 1 },
  ],
  [
    'slicegpt:sparsity=0.25; recover:ridge=0.03,inputs=true,input_ridge=0.3',
    'slicegpt + recovery of every linear',
    { sparsity: 0.25, samples: 16, ridge: 0.03, ridge_in: 0.3 },
  ],
  ['slicegpt:sparsity=0.5; recover:ridge=1', 'slicegpt + recovery', { sparsity: 0.5, samples: 16, ridge: 1 }],
  ['embed:bits=8; gptq:bits=4,group=32', 'embedding int8 + gptq', { bits: 4, group: 32 }],
  ['gptq:bits=4,group=32,grid=minimum', 'float16 minimum grid (Q4_1 form), gptq', { bits: 4, group: 32 }],
  [
    'embed:bits=8; correct:ridge=1; gptq:bits=4,group=32',
    'embedding int8, stream-corrected gptq',
    { bits: 4, group: 32, ridge_in: 1, ridge_out: 1 },
  ],
];

/** Figures of `tools/solvers/drift.py`, by model and recipe. */
const DRIFT = drift as Record<string, Record<string, Omit<Row, 'method' | 'settings'>>>;
/** Figures of `tools/solvers/zeroquant.py`. */
const ZEROQUANT = zeroquant as typeof DRIFT;
const OWN: readonly Held[] = [DRIFT, ZEROQUANT].flatMap((figures) =>
  Object.keys(figures.stories260k).map((recipe) => [recipe, recipe, {}] as const),
);

const TEXTS: Record<string, string> = { stories260k: 'stories', 'opt-tiny': 'brown', demo: 'brown' };
/** One model checks every row, the others a few of each kind, unless WHITTLE_FULL=1. */
const isFull = process.env.WHITTLE_FULL === '1';
/** More of a kind that another row shows: only with WHITTLE_FULL=1. */
const FULLY: ReadonlySet<string> = new Set([
  'w8a8:smooth=none',
  'zeroquant:bits=8,group=48,activation_bits=4',
  'llm_int8:threshold=2',
  'rptq:clusters=8,activation_bits=4',
  'rptq:clusters=32,activation_bits=4',
  'rptq:clusters=1,activation_bits=4',
  'awq:bits=4,group=32,clip=false',
  'gptq:bits=4,group=32,delta=true',
  'tensor_train:ratio=4,tied=true',
  'slicegpt:sparsity=0.1; recover:ridge=0.3',
  'slicegpt:sparsity=0.5; recover:ridge=0.3',
  'slicegpt:sparsity=0.5; recover:ridge=1',
]);
const BRIEFLY: Record<string, readonly string[]> = {
  demo: ['rtn:bits=4,group=32', 'wanda:pattern=2:4'],
  'opt-tiny': [
    'rtn:bits=4,group=32',
    'wanda:sparsity=0.5',
    'gptq:bits=4,group=32',
    'awq:bits=4,group=32',
    'owq:bits=4,group=32,keep=0.01',
    'w8a8:smooth=0.5',
    'slicegpt:sparsity=0.25; recover:ridge=0.05; gptq:bits=4,group=32',
  ],
};

function experiments(model: string): Row[] {
  const lines = readSharedText('torch', `experiments_${model}.jsonl`).split('\n').filter(Boolean);
  return lines.map((line) => {
    const { experiment, ...row } = JSON.parse(line) as Row & { experiment: string };
    return { ...row, method: experiment };
  });
}

describeWithShared('reference/methods', () => {
  for (const model of Object.keys(TEXTS)) {
    describe(model, () => {
      let backend: Backend;
      let job: TestJob;
      let measure: ReturnType<typeof judge>;
      let rows: Row[];
      beforeAll(async () => {
        const reference = readSharedJson('reference', 'methods', `methods_${model}.json`) as Reference;
        const own = Object.entries({ ...DRIFT[model], ...ZEROQUANT[model] }).map(([method, row]) => ({
          method,
          settings: {},
          ...row,
        }));
        rows = [...reference.methods, ...experiments(model), ...own];
        backend = createWasmBackend();
        const text = (part: string) => readSharedText('text', `${TEXTS[model]}.${part}.txt`);
        const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
        job = await testJob(await sharedModelFiles(model), texts, reference.protocol);
        measure = judge(backend, job);
      });
      afterAll(() => backend.dispose());

      for (const [recipe, method, settings] of [...ROWS, ...OWN, ...EXPERIMENTS]) {
        if (ARBITRARY_SIGNS[model]?.test(recipe)) continue;
        if (!isFull && FULLY.has(recipe)) continue;
        if (!isFull && BRIEFLY[model] && !BRIEFLY[model].includes(recipe)) continue;
        it(recipe, { timeout: 300_000 }, async (context) => {
          const row = rows.find(
            (each) => each.method === method && JSON.stringify(each.settings) === JSON.stringify(settings),
          );
          if (!row && [...OWN, ...EXPERIMENTS].some(([each]) => each === recipe))
            return context.skip('the reference has no such row');
          if (!row) throw new Error('no such row');
          const loose = UNSTABLE.test(recipe);
          const found = await measure(await runRecipe(backend, job, recipe));
          expect(found.bytes).toBe(row.bytes);
          expect(found.parameters).toBe(row.params);
          expect(
            relativeDifference(found.perplexity, row.perplexity),
            `${found.perplexity} against ${row.perplexity}`,
          ).toBeLessThan(loose ? 0.03 : 5e-3);
          expect(Math.abs(found.kl - row.kl), `${found.kl} against ${row.kl}`).toBeLessThan(
            Math.max((loose ? 0.08 : 0.03) * row.kl, 2e-5),
          );
          expect(Math.abs(found.top1 - row.top1)).toBeLessThan(loose ? 0.02 : 5e-3);
        });
      }
    });
  }
});
