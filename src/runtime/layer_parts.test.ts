/** A large layer goes through half by half, its weights in lots of rows: the same numbers in less memory. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import type { Backend } from '../backend/backend.ts';
import { createCpuBackend } from '../backend/cpu/cpu_backend.ts';
import { createWasmBackend } from '../backend/wasm/wasm_backend.ts';
import { calibrateDense } from '../compress/slicegpt/rotate_once.ts';
import { sliceSequential } from '../compress/slicegpt/sequential.ts';
import { storedWeights } from '../models/decoder_model.ts';
import { openModel } from '../models/open_model.ts';
import { memoryScratch } from '../models/scratch.ts';
import { withArena } from './arena.ts';
import { layerParts } from './layer_parts.ts';
import { runLayers } from './model_pass.ts';
import { WeightLoader } from './weights.ts';
import { batchesOf, type TokenWindows } from './windows.ts';

const budget = vi.hoisted(() => ({ whole: Number.POSITIVE_INFINITY, decoded: Number.POSITIVE_INFINITY }));
vi.mock(import('./budgets.ts'), async (original) => ({
  ...(await original()),
  isHalved: (elements) => 4 * elements > budget.whole,
  get DECODED_BYTES() {
    return budget.decoded as never;
  },
}));

const { model } = await openModel(await tinyLlama({ hidden_size: 32, intermediate_size: 80 }));
const layers = model.layers.length;
const windows: TokenWindows = {
  ...{ seqlen: 16, count: 4, totalTokens: 64 },
  ids: Uint32Array.from({ length: 64 }, (_, i) => (7 * i) % model.config.vocab_size),
};
const batches = batchesOf(windows, 0, windows.count, 32);
const BACKENDS: [string, () => Backend][] = [
  ['f64', createCpuBackend],
  ['wasm', createWasmBackend],
];

beforeEach(() => Object.assign(budget, { whole: Number.POSITIVE_INFINITY, decoded: Number.POSITIVE_INFINITY }));

/** What comes out of the last layer, what happened on the way, and the most that tensors took. */
async function passed(backend: Backend, through = model) {
  const events: string[] = [];
  const states = await withArena(backend, async (arena) => {
    const observer = {
      onTap: (layer: number, name: string) => void events.push(`${layer} ${name}`),
      onHalf: (layer: number) => void events.push(`${layer} half`),
      onLayer: (layer: number) => void events.push(`${layer} done`),
    };
    const loader = new WeightLoader(arena, true);
    const hidden = await runLayers(arena, loader, through, windows, batches, observer);
    await loader.assertFinite();
    return Promise.all(hidden.map((each) => backend.read(each)));
  });
  return { states, events, peak: backend.memory.peakBytes };
}

describe.each(BACKENDS)('a layer by halves on %s', (_, create) => {
  it('gives the same bits, with weights decoded in lots of rows too, and takes less memory', async () => {
    const whole = await passed(create());
    budget.whole = 0;
    const halved = await passed(create());
    expect(halved.states).toEqual(whole.states);
    expect(halved.peak).toBeLessThan(whole.peak);
    budget.decoded = 500;
    expect((await passed(create())).states).toEqual(whole.states);
  });

  it('tells where one half ends, and every tap as before', async () => {
    const whole = await passed(create());
    budget.whole = 0;
    const { events } = await passed(create());
    expect([...events].filter((event) => !event.endsWith('half')).sort()).toEqual([...whole.events].sort());
    const first = events.slice(0, events.indexOf('0 done'));
    const [attention, mlp] = [first.slice(0, first.indexOf('0 half')), first.slice(first.indexOf('0 half') + 1)];
    expect(new Set(attention)).toEqual(new Set(['0 residual', '0 attention_input', '0 o_proj_input']));
    expect(new Set(mlp)).toEqual(new Set(['0 mlp_residual', '0 mlp_input', '0 down_proj_input']));
    expect(events.filter((event) => event.endsWith('half'))).toHaveLength(layers);
  });
});

const slice = async (through: typeof model) => {
  const { model: sliced } = await sliceSequential(
    through,
    'untied',
    Array.from({ length: 2 * layers + 1 }, () => 20),
    {
      ...{ backend: createWasmBackend(), calibration: windows, scratch: memoryScratch() },
      ...{ signal: new AbortController().signal, observer: { onProgress: () => {} } },
    },
  );
  return sliced;
};

it('leads from one width to the next by shortcuts, as a whole layer does', async () => {
  const sliced = await slice(model);
  const whole = await passed(createWasmBackend(), sliced);
  budget.whole = 0;
  expect((await passed(createWasmBackend(), sliced)).states).toEqual(whole.states);
});

it('stores the same bytes in lots of rows', async () => {
  const bytes = (of: typeof model) => Promise.all(storedWeights(of).map((ref) => ref.read()));
  const whole = await slice(model);
  budget.decoded = 500;
  const inLots = await slice(model);
  expect(storedWeights(inLots).map(({ dtype }) => dtype)).toEqual(storedWeights(whole).map(({ dtype }) => dtype));
  expect(await bytes(inLots)).toEqual(await bytes(whole));
});

it('leaves small layers and parallel ones whole', async () => {
  await withArena(createCpuBackend(), async (arena) => {
    const halves = (of: typeof model.layers) =>
      layerParts(arena, new WeightLoader(arena), of, 16).map(({ half }) => half ?? 'whole');
    expect(halves(model.layers.slice(0, 1))).toEqual(['whole']);
    budget.whole = 0;
    expect(halves(model.layers.slice(0, 1))).toEqual(['attention', 'mlp']);
    expect(halves([{ ...model.layers[0], parallel: true }])).toEqual(['whole']);
  });
});

it('calibrates every site with the same bits, the sum of one gone before the next is begun', async () => {
  const calibrated = async () => {
    const backend = createWasmBackend();
    const dense = await calibrateDense(model, {
      ...{ backend, calibration: windows, scratch: memoryScratch(), signal: new AbortController().signal },
      observer: { onProgress: () => {} },
    });
    const bases = await Promise.all([...dense.bases, ...dense.embeddingCovariance].map((ref) => ref.read()));
    return { bases, peak: backend.memory.peakBytes, sites: dense.sites };
  };
  const whole = await calibrated();
  budget.whole = 0;
  const halved = await calibrated();
  expect(halved.bases).toEqual(whole.bases);
  expect(halved.sites).toEqual(whole.sites);
  expect(halved.peak).toBeLessThan(whole.peak);
});

describe('a weight that is read in lots', () => {
  it('is asked for by rows, at most so many bytes at a time', async () => {
    budget.decoded = 1000;
    await withArena(createWasmBackend(), async (arena) => {
      const { weight } = model.layers[0].mlp.up_proj;
      const asked: number[] = [];
      const bytes = weight.shape[0] * weight.shape[1] * (weight.dtype === 'F32' ? 4 : 2);
      const watched = {
        ...weight,
        read: async (rows = { start: 0, end: weight.shape[0] }) => {
          const found = await weight.read(rows);
          asked.push(found.byteLength);
          return found;
        },
      };
      const loaded = await new WeightLoader(arena).load(watched);
      budget.decoded = Number.POSITIVE_INFINITY;
      const plain = await new WeightLoader(arena).load(weight);
      expect(await arena.backend.read(loaded)).toEqual(await arena.backend.read(plain));
      expect(Math.max(...asked)).toBeLessThanOrEqual(1000);
      expect(asked.reduce((sum, each) => sum + each, 0)).toBe(bytes);
    });
  });
});
