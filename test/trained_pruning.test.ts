/**
 * @file What `loraprune` and `gum` say of units against `tools/pruning/trained_pruning.py` (torch autograd in f64, from the papers): one
 * step with adapters that formulas give, merged into the weights.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeWebGpuBackend, isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { uniqueMovement } from '../src/compress/gum/movement.ts';
import { unitUniqueness } from '../src/compress/gum/uniqueness.ts';
import { loraImportance } from '../src/compress/loraprune/importance.ts';
import type { Scorer, UnitScores } from '../src/compress/prune_training/scorer.ts';
import { lowestUnits } from '../src/compress/solvers/unit_scores.ts';
import { linearPlaces } from '../src/compress/train/linears.ts';
import type { WeightRef } from '../src/models/decoder_model.ts';
import { type Arena, withArena } from '../src/runtime/arena.ts';
import { type Adapter, createAdapter } from '../src/runtime/backward/adapters.ts';
import { AdapterTraining, stepWindows } from '../src/runtime/backward/training.ts';
import expected from './fixtures/trained_pruning.json';
import { describeWithShared, readSharedText, sharedModelFiles } from './shared.ts';
import { compressionContext, relativeDifference, type TestJob, testJob } from './support/slice_job.ts';

interface Units {
  norm: number;
  first: number[];
  gone: number[];
}
type Score = 'loraprune' | 'movement' | 'unique' | 'gum';
type Layer = Record<Score, Units>;

const { rank, scale, seqlen, samples } = expected;
const TEXTS = { stories260k: 'stories', 'opt-tiny': 'brown' } as const;
const HALVES = ['attention', 'mlp'] as const;
const RATES = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0 };

async function jobOf(model: keyof typeof TEXTS): Promise<TestJob> {
  const text = (part: string) => readSharedText('text', `${TEXTS[model]}.${part}.txt`);
  const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
  return testJob(await sharedModelFiles(model), texts, { seqlen, samples, eval_samples: 1 });
}

/** The script's formulas. */
function formulaAdapters(arena: Arena, job: TestJob): Map<WeightRef, Adapter> {
  return new Map(
    linearPlaces(job.model).map(({ weight }, k) => {
      const [rows, columns] = weight.shape;
      const A = Float64Array.from(
        { length: rank * columns },
        (_, at) => Math.cos(0.7 * Math.floor(at / columns) + 1.3 * (at % columns) + k) / Math.sqrt(columns),
      );
      const B = Float64Array.from(
        { length: rows * rank },
        (_, at) => 0.02 * Math.sin(0.9 * Math.floor(at / rank) + 0.5 * (at % rank) + k),
      );
      return [weight, createAdapter(arena, { A, B, scale }, weight.shape, weight.name)];
    }),
  );
}

/** Of one step on all windows. */
async function scored(backend: Backend, job: TestJob): Promise<Record<Score, UnitScores>> {
  const context = { ...compressionContext(backend, job), dense: job.model, before: [], after: [] };
  const unique = await unitUniqueness(job.model, HALVES, context);
  const all = new Map(HALVES.map((half) => [half, (unique.get(half) ?? []).map((row) => row.map(() => 1))]));
  return withArena(backend, async (arena) => {
    const adapters = formulaAdapters(arena, job);
    const { windows, batches } = stepWindows(arena, job.calibration, [...Array(samples).keys()]);
    const stepped = async (scorer: Scorer) => {
      const training = new AdapterTraining(arena, job.model, adapters, seqlen, RATES);
      // A rate of zero: the next scorer sees the same weights.
      await training.stepBy(0, (backward, loader) => scorer.gradients(backward, loader, { windows, batches }, {}));
      return scorer.scores();
    };
    return {
      unique,
      loraprune: await stepped(loraImportance(job.model, HALVES, { adapters, whole: new Map() }, 0)),
      movement: await stepped(uniqueMovement(arena, job.model, HALVES, all)),
      gum: await stepped(uniqueMovement(arena, job.model, HALVES, unique)),
    };
  });
}

function expectScores(found: Record<Score, UnitScores>, layers: Record<(typeof HALVES)[number], Layer[]>): void {
  for (const half of HALVES) {
    for (const [l, layer] of layers[half].entries()) {
      for (const [score, { norm, first, gone }] of Object.entries(layer) as [Score, Units][]) {
        const own = found[score].get(half)?.[l] as Float64Array;
        const name = `${score} of ${half} of layer ${l}`;
        expect(relativeDifference(Math.hypot(...own), norm), name).toBeLessThan(2e-3);
        first.forEach((value, i) => {
          const most = (2e-3 * norm) / Math.sqrt(own.length) + 2e-3 * Math.abs(value);
          expect(Math.abs(own[i] - value), `${name}, unit ${i}`).toBeLessThan(most);
        });
        // Where the last to go and the first to stay are as good as equal, either may go.
        const highest = Math.max(...gone.map((unit) => own[unit]));
        const staying = lowestUnits(own, own.length).filter((unit) => !gone.includes(unit));
        const slack = (2e-3 * norm) / Math.sqrt(own.length);
        expect(highest, name).toBeLessThan(Math.min(...staying.map((unit) => own[unit])) + slack);
      }
    }
  }
}

describeWithShared('loraprune and gum', () => {
  let backend: Backend;
  beforeAll(() => {
    backend = createWasmBackend();
  });
  afterAll(() => backend.dispose());

  it.each(['stories260k', 'opt-tiny'] as const)('score units as autograd does: %s', async (model) => {
    expectScores(await scored(backend, await jobOf(model)), expected.models[model]);
  });

  // A software adapter takes its time; on little text every method runs there in `methods_webgpu.test.ts`.
  it.runIf(isFull)('stories260k on WebGPU', { timeout: 300_000 }, async () => {
    const webgpu = await createNodeWebGpuBackend();
    if (!webgpu) throw new Error('Dawn gives no adapter');
    expectScores(await scored(webgpu, await jobOf('stories260k')), expected.models.stories260k);
    webgpu.dispose();
  });
});
