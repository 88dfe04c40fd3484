/** Recipes' integers in safetensors, as compressed-tensors and as GPTQ: opened again they are the same numbers. */
import { describe, expect, it } from 'vitest';
import { nearestValues } from '../src/compress/solvers/packed_values.ts';
import { quantizedModel } from '../src/export/precision.ts';
import { keepFor, packedFormNotes, packedRefusal } from '../src/export/safetensors/packed_form.ts';
import { writeSliced } from '../src/export/safetensors/write_sliced.ts';
import type { DecoderModel, WeightRef } from '../src/models/decoder_model.ts';
import { mapWeights, weightRoles } from '../src/models/map_weights.ts';
import { openModel } from '../src/models/open_model.ts';
import { type Grouped, INT8_ROW } from '../src/models/packed/packing.ts';
import { storePacked } from '../src/models/packed/store.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { memoryFiles } from './onnx/memory_files.ts';

const OPTIONS = { hidden_size: 64, intermediate_size: 96, tied: false };
const GRID: Grouped = { kind: 'grouped', bits: 4, group: 32, zero: 'integer', scale: 'F16' };

/** Packed linears; of the last layer's down_proj another packing, where one is given. */
async function packed(model: DecoderModel, packing: Grouped, last: Grouped = packing): Promise<DecoderModel> {
  const made = new Map<WeightRef, WeightRef>();
  for (const [ref, role] of weightRoles(model)) {
    if (role !== 'linear') continue;
    const [rows, columns] = ref.shape;
    const own = ref === model.layers.at(-1)?.mlp.down_proj.weight ? last : packing;
    const W = Float64Array.from(decodeStored(await ref.read(), ref.dtype));
    made.set(ref, await storePacked(memoryScratch(), ref.name, grouped(W, rows, columns, own)));
  }
  return mapWeights(model, (ref) => made.get(ref) ?? ref);
}

function grouped(W: Float64Array, rows: number, columns: number, packing: Grouped) {
  if (!packing.ordered) return nearestValues(W, rows, columns, packing);
  const order = Uint16Array.from({ length: columns }, (_, i) => (i * 7 + 3) % columns);
  const { ordered: _, ...plain } = packing;
  const turned = W.map((_, i) => W[i - (i % columns) + order[i % columns]]);
  return { ...nearestValues(turned, rows, columns, plain), packing, order };
}

const CASES: [form: 'compressed-tensors' | 'gptq', what: string, packing: Grouped, last?: Grouped][] = [
  ['compressed-tensors', 'int4 with zeros', GRID],
  ['compressed-tensors', 'int3 rows, symmetric', { ...GRID, bits: 3, group: 'row', zero: 'symmetric' }],
  ['compressed-tensors', 'int8 rows, another last', { ...GRID, bits: 8, group: 'row', zero: 'symmetric' }, GRID],
  ['gptq', 'int4 with zeros', GRID],
  ['gptq', 'int4 rows, symmetric (version 1)', { ...GRID, group: 'row', zero: 'symmetric' }],
  ['gptq', 'int2 in an order', { ...GRID, bits: 2, group: 16, ordered: true }],
  ['gptq', 'int3 rows, another last', { ...GRID, bits: 3, group: 'row' }, { ...GRID, bits: 8 }],
];

describe('integers in safetensors', () => {
  it.each(CASES)('%s: %s', async (form, _, packing, last) => {
    const files = await tinyLlama(OPTIONS);
    const source = await openModel(files);
    const model = await packed(source.model, packing, last);
    expect(packedRefusal(model, form)).toBeUndefined();
    const isAsymmetric = [packing, last].some((each) => each?.zero === 'integer');
    const notes = packedFormNotes(model, form);
    expect(notes.length).toBe(form === 'compressed-tensors' && isAsymmetric ? 1 : 0);
    const out = memoryFiles();
    await writeSliced(model, { config: source.raw_config, form }, out.openFile);
    const rest = files.filter(({ path }) => !/config\.json|safetensors/.test(path) || path.includes('tokenizer'));
    const written = out.names().map((name) => ({ path: `tiny/${name}`, blob: new Blob([out.bytes(name)]) }));
    const again = await openModel([...rest, ...written]);
    expect(again.warnings).toEqual([]);
    expect(again.raw_config.model_type).toBe('llama');
    const held = await quantizedModel(model, 'stored', { keep: keepFor(form) });
    const [found, expected] = [weightRoles(again.model), weightRoles(held)].map((roles) => [...roles.keys()]);
    for (const [i, ref] of expected.entries()) {
      expect(decodeStored(await found[i].read(), found[i].dtype), ref.name).toEqual(
        decodeStored(await ref.read(), ref.dtype),
      );
    }
    const down = again.model.layers[0].mlp.down_proj.weight;
    expect(down.stored?.dtype).toContain(`int${packing.bits}`);
    expect(down.packed).toMatchObject({ bits: packing.bits, kind: 'grouped' });
  });

  it('what a form cannot hold is said, and a model without integers refused', async () => {
    const { model } = await openModel(await tinyLlama(OPTIONS));
    expect(packedRefusal(model, 'gptq')?.message).toContain('none of its linears');
    const minimums = await packed(model, GRID, { ...GRID, zero: 'minimum' });
    expect(packedFormNotes(minimums, 'compressed-tensors').join()).toContain('float minimums');
    const wide = await packed(model, GRID, { ...GRID, scale: 'F32' });
    expect(packedFormNotes(wide, 'gptq').join()).toContain('f32 scales');
    expect(packedFormNotes(wide, 'compressed-tensors').join()).not.toContain('f32 scales');
    const ordered = await packed(model, { ...GRID, ordered: true });
    expect(packedFormNotes(ordered, 'compressed-tensors').join()).toContain('order of inputs');
    // Every reason, where nothing at all is held.
    const nothing = await packed(model, { ...GRID, scale: 'F32' }, { ...GRID, zero: 'minimum' });
    expect(packedRefusal(nothing, 'gptq')?.message).toMatch(/f32 scales.*float minimums/);
    // Nothing is written, so nothing is said of how.
    expect(packedRefusal(nothing, 'gptq')?.message).not.toMatch(/written as floats/);
    expect(packedRefusal(nothing, 'gptq')?.action).toMatch(/in such sizes/);
  });

  it('a packed table that is the head too becomes floats, and it is said', async () => {
    const { model } = await openModel(await tinyLlama({ ...OPTIONS, tied: true }));
    const table = model.embed_tokens.weight;
    const [rows, columns] = table.shape;
    const W = Float64Array.from(decodeStored(await table.read(), table.dtype));
    const stored = await storePacked(memoryScratch(), table.name, nearestValues(W, rows, columns, INT8_ROW));
    const linears = await packed(model, GRID);
    const small = mapWeights(linears, (ref) => (ref === table ? stored : ref));
    for (const form of ['compressed-tensors', 'gptq'] as const) {
      expect(packedFormNotes(small, form).join()).toContain('embedding tables');
    }
  });
});
