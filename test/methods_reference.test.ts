/**
 * @file Methods against `shared/reference/methods/*.json`: bytes and counts exact, perplexity within 0.5 %, divergence within
 * 3 % (or 2e-5). A new method adds its rows to ROWS.
 */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import zeroquant from './fixtures/zeroquant.json';
import { describeWithShared } from './shared.ts';
import { CLOSE, DRIFT, expectRow, LOOSE, type Row, referenceJob, rowOf, TEXTS } from './support/method_rows.ts';
import { meanOfRuns } from './support/noise.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import type { TestJob } from './support/slice_job.ts';

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
  [
    'gptq:bits=4,group=128,params=lazy',
    'gptq',
    { bits: 4, group: 128, act_order: false, damp: 0.01, grid: 'lazy, as official' },
  ],
  ['owq:bits=4,group=32,keep=0.01', 'owq', { bits: 4, group: 32, kept_columns: 0.01 }],
  ['owq:bits=3,group=32,keep=0.01', 'owq', { bits: 3, group: 32, kept_columns: 0.01 }],
  ['owq:bits=3,group=32,keep=0.03', 'owq', { bits: 3, group: 32, kept_columns: 0.03 }],
  ['lorc:bits=4,group=32,rank=8', 'zeroquant-v2 lorc', { bits: 4, group: 32, rank: 8 }],
  ['lorc:bits=4,group=128,rank=8', 'zeroquant-v2 lorc', { bits: 4, group: 128, rank: 8 }],
  ['lorc:bits=4,group=128,rank=16', 'zeroquant-v2 lorc', { bits: 4, group: 128, rank: 16 }],
  ['w8a8:smooth=none', 'w8a8', { alpha: null }],
  ['w8a8:smooth=0.5', 'smoothquant', { alpha: 0.5, weights: 'int8 row', activations: 'int8 token' }],
  ['llm_int8:threshold=6', 'llm.int8', { threshold: 6 }],
  ['llm_int8:threshold=2', 'llm.int8', { threshold: 2 }],
  ['rptq:clusters=8,activation_bits=8', 'rptq', { weights: 'rtn int4 g32', activation_bits: 8, clusters: 8 }],
  ['rptq:clusters=8,activation_bits=4', 'rptq', { weights: 'rtn int4 g32', activation_bits: 4, clusters: 8 }],
  ['rptq:clusters=32,activation_bits=4', 'rptq', { weights: 'rtn int4 g32', activation_bits: 4, clusters: 32 }],
  ['rptq:clusters=1,activation_bits=4', 'rptq', { weights: 'rtn int4 g32', activation_bits: 4, clusters: 1 }],
  ['depth:drop=1,replace=none', 'shortgpt', { drop: 1 }],
  ['svd:keep=0.8,whitened=false', 'svd', { keep: 0.8, whitened: false }],
  ['svd:keep=0.8,whitened=true', 'svd', { keep: 0.8, whitened: true }],
  ['tensor_train:ratio=2,tied=true', 'tensor-train embedding', { ratio: 2, tied: true }],
  ['tensor_train:ratio=2,tied=false', 'tensor-train embedding', { ratio: 2, tied: false }],
  ['tensor_train:ratio=4,tied=true', 'tensor-train embedding', { ratio: 4, tied: true }],
  ['tensor_train:ratio=4,tied=false', 'tensor-train embedding', { ratio: 4, tied: false }],
  ['slicegpt:sparsity=0.1', 'slicegpt', { sparsity: 0.1, head: 'tied, exact' }],
  ['slicegpt:sparsity=0.5', 'slicegpt', { sparsity: 0.5, head: 'tied, exact' }],
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
const UNSTABLE = /(gptq|owq):bits=[23]|group=128,order=dynamic|^rptq:.*activation_bits=4/;

/** Measured as the mean of several runs: see `support/noise.ts`. */
const AVERAGED = /^w8a8:smooth=0/;
const RUNS = 4;

/**
 * What the oracle itself does not give twice: an asymmetric grid depends on the signs of eigenvectors, which are arbitrary
 * (perplexity 16.6 to 17.6), and here noise of 1e-6 in the Grams moves a divergence by 10 %, a perplexity by 6 %.
 */
const NOT_STABLE: Record<string, RegExp> = {
  stories260k: /^slicegpt.*gptq|ridge=0.3; gptq:bits=4|ridge=3; gptq:bits=2/,
};

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
  ['embed:bits=8; gptq:bits=3,group=32', 'embedding int8 + gptq', { bits: 3, group: 32 }],
  ['embed:bits=8; gptq:bits=2,group=32', 'embedding int8 + gptq', { bits: 2, group: 32 }],
  ['embed:bits=4; gptq:bits=4,group=32', 'embedding int4 + gptq', { bits: 4, group: 32 }],
  ['rtn:bits=4,group=32,grid=minimum', 'float16 minimum grid (Q4_1 form), rtn', { bits: 4, group: 32 }],
  ['rtn:bits=3,group=32,grid=minimum', 'float16 minimum grid (Q4_1 form), rtn', { bits: 3, group: 32 }],
  ['gptq:bits=3,group=32,grid=minimum', 'float16 minimum grid (Q4_1 form), gptq', { bits: 3, group: 32 }],
  ['correct:ridge=0.3; wanda:sparsity=0.5', 'stream-corrected wanda', { sparsity: '50%', ridge: 0.3 }],
  ['sparsegpt:sparsity=0.5,repair=true', 'sparsegpt + masked least squares', { sparsity: '50%', ridge: null }],
  [
    'correct:ridge=1; sparsegpt:sparsity=0.5,repair=true',
    'stream-corrected sparsegpt + masked least squares',
    { sparsity: '50%', ridge: 1 },
  ],
  ...[4, 3, 2].flatMap((bits) =>
    [0.3, 1, 3].map(
      (ridge): Held => [
        `embed:bits=8; correct:ridge=${ridge}; gptq:bits=${bits},group=32`,
        'embedding int8, stream-corrected gptq',
        { bits, group: 32, ridge_in: ridge, ridge_out: ridge },
      ],
    ),
  ),
  ['embed:bits=8; gptq:bits=4,group=32', 'embedding int8 + gptq', { bits: 4, group: 32 }],
  ['gptq:bits=4,group=32,grid=minimum', 'float16 minimum grid (Q4_1 form), gptq', { bits: 4, group: 32 }],
];

/** Figures of `tools/solvers/zeroquant.py`. */
const ZEROQUANT = zeroquant as typeof DRIFT;
const OWN: readonly Held[] = [DRIFT, ZEROQUANT].flatMap((figures) =>
  Object.keys(figures.stories260k).map((recipe) => [recipe, recipe, {}] as const),
);

/** More of a kind that another row shows. One model checks every other row, the others a few of each kind. */
const FULLY = [
  /^awq.*clip=false|^awq:bits=3|^owq.*0\.03|^wanda.*4:8|^gptq.*128|^gptq:bits=4.*delta|^gptq:.*3.*minimum|^rtn.*3.*minimum/,
  /^lorc.*128,rank=8|^tensor_train:ratio=4|^tensor_train.*false|^slicegpt:sparsity=0\.[15]|^embed:bits=8; gptq:bits=[23]/,
  /^embed:bits=4; gptq|ridge=0\.3; wanda|ridge=1; sparsegpt.*repair|ridge=(0\.3|3); gptq|ridge=1; gptq:bits=[24]/,
  /^w8a8:smooth=none|^zeroquant.*activation_bits=4|^llm_int8:threshold=2|^rptq.*activation_bits=4/,
  // Each two of what these join are joined by another row, too.
  /^gptq:bits=2|^gptq:bits=3.*static|^owq:bits=3|^wanda.*repair|^correct:ridge=1; wanda:sparsity=0\.5$|^embed:bits=8; gptq:bits=4/,
];
const BRIEFLY: Record<string, readonly string[]> = {
  demo: ['wanda:pattern=2:4'],
  'opt-tiny': [
    'wanda:sparsity=0.5',
    'gptq:bits=4,group=32',
    'awq:bits=4,group=32',
    'w8a8:smooth=0.5',
    'depth:drop=1,replace=none',
    'slicegpt:sparsity=0.25; recover:ridge=0.05; gptq:bits=4,group=32',
  ],
};

describeWithShared('reference/methods', () => {
  for (const model of Object.keys(TEXTS)) {
    describe(model, () => {
      let backend: Backend;
      let job: TestJob;
      let measure: ReturnType<typeof judge>;
      let rows: readonly Row[];
      beforeAll(async () => {
        const { job: made, rows: found } = await referenceJob(model);
        job = made;
        const own = Object.entries(ZEROQUANT[model]).map(([method, row]) => ({ method, settings: {}, ...row }));
        rows = [...found, ...own];
        backend = createWasmBackend();
        measure = judge(backend, job);
      });
      afterAll(() => backend.dispose());

      for (const [recipe, method, settings] of [...ROWS, ...OWN, ...EXPERIMENTS]) {
        if (NOT_STABLE[model]?.test(recipe)) continue;
        if (!isFull && FULLY.some((those) => those.test(recipe))) continue;
        if (!isFull && BRIEFLY[model] && !BRIEFLY[model].includes(recipe)) continue;
        it(recipe, { timeout: 300_000 }, async (context) => {
          const row = rowOf(rows, method, settings);
          if (!row && [...OWN, ...EXPERIMENTS].some(([each]) => each === recipe))
            return context.skip('the reference has no such row');
          if (!row) throw new Error('no such row');
          const found = AVERAGED.test(recipe)
            ? await meanOfRuns(backend, job, recipe, RUNS)
            : await measure(await runRecipe(backend, job, recipe));
          expectRow(found, row, UNSTABLE.test(recipe) ? LOOSE : CLOSE);
        });
      }
    });
  }
});
