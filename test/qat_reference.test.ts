/**
 * @file Quantisation-aware training against torch in f64 (`tools/qat/reference.py`, written from the papers): ten steps each of PEQA,
 * of adapters on NF4 and through a fixed grid, and of whole weights with inputs and cache rounded.
 */
import { expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { createNodeWebGpuBackend } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { layerLinears, linearOf, withWeights } from '../src/compress/layerwise/half.ts';
import { storeNf4 } from '../src/compress/qlora/nf4_weight.ts';
import { linearPlaces } from '../src/compress/train/linears.ts';
import type { DecoderModel, WeightRef } from '../src/models/decoder_model.ts';
import { replaceWeights } from '../src/models/map_weights.ts';
import { openModel } from '../src/models/open_model.ts';
import type { GroupedValues } from '../src/models/packed/values.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { type Arena, withArena } from '../src/runtime/arena.ts';
import { createAdapter } from '../src/runtime/backward/adapters.ts';
import { gridRounding } from '../src/runtime/backward/rounding.ts';
import { trainedScales } from '../src/runtime/backward/scales.ts';
import { teacherInputs } from '../src/runtime/backward/teacher.ts';
import type { TrainedLinear } from '../src/runtime/backward/trained.ts';
import { trainedWeight } from '../src/runtime/backward/trained_weight.ts';
import { AdapterTraining, stepWindows } from '../src/runtime/backward/training.ts';
import { WeightLoader } from '../src/runtime/weights.ts';
import type { TokenWindows } from '../src/runtime/windows.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import reference from './fixtures/qat/reference.json' with { type: 'json' };
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { runRecipe } from './support/recipe_job.ts';

type Kind = keyof typeof reference;

const [SEQLEN, WINDOWS] = [16, 4];

/** The numbers of reference.py. */
function formula(index: number, count: number, size: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => size * Math.sin(0.7 + 12.9898 * (i + 1) + 78.233 * (index + 1)),
  );
}

const { model } = await openModel(
  await tinyLlama({
    ...{ hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2 },
    ...{ vocab_size: 40, max_position_embeddings: 64, tied: false, dtype: 'F32' },
    edit: (tensors) => {
      const names = tensors.map(({ name }) => name).sort();
      return tensors.map((tensor) => {
        const isNorm = tensor.name.includes('norm');
        const values = formula(names.indexOf(tensor.name), tensor.values.length, isNorm ? 0.1 : 0.4);
        return { ...tensor, values: isNorm ? values.map((value) => 1 + value) : values };
      });
    },
  }),
);

const windows: TokenWindows = {
  ...{ seqlen: SEQLEN, count: WINDOWS, totalTokens: SEQLEN * WINDOWS },
  ids: Uint32Array.from({ length: SEQLEN * WINDOWS }, (_, i) =>
    Math.floor(20 + 19.9 * Math.sin(3.1 * (i % SEQLEN) + 17.3 * Math.floor(i / SEQLEN))),
  ),
};
const job = { model, calibration: windows, evaluation: windows };

interface Student {
  model: DecoderModel;
  linears(arena: Arena): Promise<Map<WeightRef, TrainedLinear>>;
  cacheLevels?: number;
}

async function eachLinear(
  of: DecoderModel,
  make: (weight: WeightRef, index: number) => Promise<TrainedLinear>,
): Promise<Map<WeightRef, TrainedLinear>> {
  const made = new Map<WeightRef, TrainedLinear>();
  for (const [index, { weight }] of linearPlaces(of).entries()) made.set(weight, await make(weight, index));
  return made;
}

/** The factors of reference.py. */
function factors({ shape: [rows, columns] }: WeightRef, index: number) {
  return { A: formula(100 + index, 4 * columns, 0.25), B: formula(200 + index, 4 * rows, 0.05), scale: 2 };
}

const grouped = async (weight: WeightRef) => (await weight.unpack?.()) as GroupedValues;

const STUDENTS: Record<Kind, (backend: Backend) => Promise<Student>> = {
  async peqa(backend) {
    const rounded = await runRecipe(backend, job, 'rtn:bits=2,group=8,grid=integer');
    const linears: Student['linears'] = (arena) =>
      eachLinear(rounded, (weight) => trainedScales(arena, () => grouped(weight), weight.name, true));
    return { model: rounded, linears };
  },
  async straight_through(backend) {
    const rounded = await runRecipe(backend, job, 'rtn:bits=4,group=8,grid=integer');
    const linears: Student['linears'] = (arena) =>
      eachLinear(rounded, async (weight, index) => {
        const rounding = gridRounding(arena, await grouped(weight), weight.name);
        return createAdapter(arena, { ...factors(weight, index), rounding }, weight.shape, weight.name);
      });
    return { model: rounded, linears };
  },
  async qlora() {
    const made = new Map<WeightRef, WeightRef>();
    for (const { weight } of linearPlaces(model)) {
      const W = decodeStored(await weight.read(), weight.dtype);
      made.set(weight, await storeNf4(memoryScratch(), weight.name, weight.shape, W));
    }
    const base = replaceWeights(model, made);
    const linears: Student['linears'] = (arena) =>
      eachLinear(base, async (weight, index) =>
        createAdapter(arena, factors(weight, index), weight.shape, weight.name),
      );
    return { model: base, linears };
  },
  async llm_qat() {
    const input = { kind: 'token', bits: 8 } as const;
    const layers = model.layers.map((layer) => {
      const names = layerLinears(layer);
      const weights = new Map(names.map((name) => [name, linearOf(layer, name).weight]));
      return withWeights(layer, weights, new Map(names.map((name) => [name, input])));
    });
    const linears: Student['linears'] = (arena) =>
      eachLinear(model, async (weight) =>
        trainedWeight(arena, await new WeightLoader(arena).load(weight), { kind: 'rows', levels: 3 }),
      );
    return { model: { ...model, layers }, linears, cacheLevels: 127 };
  },
};

const ADAMW = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, clip_norm: 1 };

async function losses(backend: Backend, kind: Kind, steps: number): Promise<number[]> {
  const { model: student, linears, cacheLevels } = await STUDENTS[kind](backend);
  const chosen = Array.from({ length: WINDOWS }, (_, i) => i);
  return withArena(backend, async (arena) => {
    const trained = await linears(arena);
    const training = new AdapterTraining(arena, student, trained, SEQLEN, ADAMW, new Map(), cacheLevels);
    const found: number[] = [];
    for (let step = 0; step < steps; step++) {
      const { windows: own, batches } = stepWindows(arena, windows, chosen);
      const inputs = await teacherInputs(arena, model, own, batches);
      const teacher = { kind: 'forward_kl', head: model.lm_head, inputs } as const;
      found.push(await training.step(own, batches, reference[kind].lr, { teacher }));
    }
    return found;
  });
}

const KINDS = Object.keys(reference) as Kind[];
const BACKENDS: [name: string, kind: Kind, create: () => Promise<Backend | undefined>][] = [
  ...KINDS.map((kind) => ['cpu', kind, async () => createCpuBackend()] as const).map(([...row]) => row),
  // Where numbers lie between two codes f32 takes the other one now and then: not of what is rounded at each step.
  ['wasm', 'peqa', async () => createWasmBackend()],
  ['wasm', 'qlora', async () => createWasmBackend()],
  ['webgpu', 'peqa', createNodeWebGpuBackend],
] as [string, Kind, () => Promise<Backend | undefined>][];

it.each(BACKENDS)('on %s, %s follows torch', async (name, kind, create) => {
  const backend = await create();
  if (!backend) return;
  try {
    for (const [step, loss] of (await losses(backend, kind, name === 'webgpu' ? 3 : 10)).entries()) {
      expect(Math.abs(loss / reference[kind].losses[step] - 1), `step ${step + 1}: ${loss}`).toBeLessThan(1e-3);
    }
  } finally {
    backend.dispose();
  }
});
