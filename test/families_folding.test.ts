/**
 * A scale of a linear's inputs folded into what makes them changes nothing, on every kind of block: AWQ and SmoothQuant rest on
 * it. In f64 on the CPU, with weights in F32.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { foldScale } from '../src/compress/layerwise/fold_scale.ts';
import { layerLinears, linearOf, linearUse, withLinear } from '../src/compress/layerwise/half.ts';
import { storeChanged } from '../src/compress/layerwise/store_changed.ts';
import type { LinearName } from '../src/compress/layerwise_types.ts';
import { roundToNearest } from '../src/compress/solvers/rtn.ts';
import type { DecoderLayer, DecoderModel, WeightRef } from '../src/models/decoder_model.ts';
import { storePacked } from '../src/models/packed/store.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { families } from './fixtures/families/family_model.ts';
import { familyJob } from './support/golden.ts';
import { perplexity, relativeDifference } from './support/slice_job.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());
const scratch = memoryScratch();

const NORMS = ['input_layernorm', 'post_attention_layernorm'];

/** What differs in norms, biases, sharing and activations, and where a scale has a place in each. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  llama: [...NORMS, 'up_proj'],
  qwen2: [...NORMS, 'up_proj'],
  gemma: [...NORMS, 'up_proj'],
  gemma2: [...NORMS, 'up_proj'],
  // relu and relu² let a scale through; as many keys as queries let it into v.
  opt: [...NORMS, 'up_proj', 'v_proj'],
  nemotron: [...NORMS, 'up_proj'],
  gpt_neox: [...NORMS, 'v_proj'],
  bloom: [...NORMS, 'v_proj'],
  falcon_40b: NORMS,
  apertus: NORMS,
  // One norm for both branches.
  gptj: ['v_proj'],
  phi: ['v_proj'],
  cohere: ['up_proj'],
  // Norms without a weight and clipped values; no norm at all before a branch.
  olmo: ['up_proj'],
  olmo2: ['up_proj'],
};
const ALL = (await families()).filter(({ name }) => name in PLACES);

const scaleOf = (size: number) => Float64Array.from({ length: size }, (_, i) => 0.4 + ((i * 7) % 11) / 5);

async function numbers(ref: WeightRef): Promise<Float64Array> {
  return Float64Array.from(decodeStored(await ref.read(), ref.dtype));
}

async function withScale(layer: DecoderLayer, name: LinearName): Promise<DecoderLayer> {
  const { siblings, scale_place: place } = linearUse(layer, name, 'F32');
  if (!place) return layer;
  const [, columns] = linearOf(layer, name).weight.shape;
  const scale = scaleOf(columns);
  let made = layer;
  for (const each of siblings) {
    const { weight, ...rest } = linearOf(layer, each);
    const values = (await numbers(weight)).map((value, i) => value * scale[i % columns]);
    const scaled = await storeChanged(scratch, weight.name, [values.length / columns, columns], { values }, 'F32');
    made = withLinear(made, each, { ...rest, weight: scaled });
  }
  return foldScale(made, { place, scale }, scratch, 'F32');
}

async function folded(model: DecoderModel): Promise<{ model: DecoderModel; places: string[] }> {
  const layers: DecoderLayer[] = [];
  const places = new Set<string>();
  for (const layer of model.layers) {
    let made = layer;
    for (const name of layerLinears(layer)) {
      const { siblings, scale_place } = linearUse(layer, name, 'F32');
      if (siblings[0] !== name || !scale_place) continue;
      places.add(scale_place);
      made = await withScale(made, name);
    }
    layers.push(made);
  }
  return { model: { ...model, layers }, places: [...places].sort() };
}

describe('a scale folded into what makes the inputs', () => {
  it.each(ALL.map((family) => [family.name, family] as const))('%s', async (name, family) => {
    const { model, evaluation } = await familyJob(family);
    const dense = await perplexity(backend, model, evaluation);
    const { model: made, places } = await folded(model);
    expect(places).toEqual(PLACES[name]);
    const found = await perplexity(backend, made, evaluation);
    expect(relativeDifference(found, dense), `${name}: ${found} against ${dense}`).toBeLessThan(1e-5);
  });

  it('keeps the codes of what is packed', async () => {
    const family = ALL.find(({ name }) => name === 'llama');
    if (!family) throw new Error('no llama');
    const { model } = await familyJob(family);
    const [layer] = model.layers;
    const { weight } = layer.mlp.up_proj;
    const [rows, columns] = weight.shape;
    for (const zero of ['integer', 'minimum'] as const) {
      const grid = { bits: 4, kind: zero } as const;
      const { codes, scales, offsets } = roundToNearest(await numbers(weight), rows, columns, 8, grid);
      const packing = { kind: 'grouped', bits: 4, group: 8, zero, scale: 'F16' } as const;
      const values = {
        packing,
        rows,
        columns,
        codes,
        scales: Float64Array.from(scales),
        zeros: Float64Array.from(offsets),
      };
      const packed = withLinear(layer, 'up_proj', { weight: await storePacked(scratch, weight.name, values) });
      const scale = scaleOf(rows);
      const made = (await foldScale(packed, { place: 'up_proj', scale }, scratch, 'F32')).mlp.up_proj.weight;
      expect(made.packed).toEqual(packing);
      const before = await numbers(packed.mlp.up_proj.weight);
      (await numbers(made)).forEach((value, i) => {
        const wanted = before[i] / scale[Math.floor(i / columns)];
        // Scales are rounded to float16 once more; a minimum is a difference of two such numbers.
        expect(Math.abs(value - wanted)).toBeLessThan(2 ** -10 * Math.max(...before.map(Math.abs)) * 2.5);
      });
    }
  });
});
