/** A model whose linears are stored as F8 with scales, opened as a person would drop it. */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { decodeWide, float8Table } from '../src/formats/safetensors/wide_floats.ts';
import { type TensorToWrite, writeSafetensors } from '../src/formats/safetensors/write.ts';
import { modelBytes } from '../src/models/model_size.ts';
import { openModel } from '../src/models/open_model.ts';
import { encodeFromFloat } from '../src/tensor/half.ts';
import { expectBadInput } from './bad_input.ts';
import { jsonBlob, type TinyTensor, tinyLlama, tinyLlamaConfig, tinyLlamaTensors } from './fixtures/tiny_llama.ts';
import { compress, EXACT_SEQUENTIAL, perplexity, seededText, testJob } from './support/slice_job.ts';
import { reopen } from './support/written_model.ts';

const OPTIONS = { hidden_size: 32, intermediate_size: 40, max_position_embeddings: 64 };
const TEXTS = { calibration: seededText(1, 400), evaluation: seededText(2, 200) };
const SIZES = { seqlen: 16, samples: 4, eval_samples: 2 };
/** Tails in both directions: 40 rows are two and a half blocks. */
const BLOCK = [16, 12] as const;

const backend = createCpuBackend();
afterAll(() => backend.dispose());

/** Code of the nearest finite value. */
function nearest(table: Float32Array, value: number): number {
  let best = 0;
  for (let code = 0; code < 256; code++) {
    if (Math.abs(table[code] - value) < Math.abs(table[best] - value)) best = code;
  }
  return best;
}

const scaleAt = (row: number, column: number) =>
  Math.fround(0.01 * (1 + Math.floor(row / BLOCK[0]) + 0.3 * Math.floor(column / BLOCK[1])));

/** F8 codes and block scales of a linear, and the f32 values that they stand for. */
function quantised({ name, shape, values }: TinyTensor) {
  const [rows, columns] = shape;
  const grid = [Math.ceil(rows / BLOCK[0]), Math.ceil(columns / BLOCK[1])];
  const scale = (i: number) => scaleAt(Math.floor(i / columns), i % columns);
  const codes = Uint8Array.from(values, (value, i) => nearest(float8Table('F8_E4M3'), value / scale(i)));
  const scales = Float32Array.from({ length: grid[0] * grid[1] }, (_, i) =>
    scaleAt(BLOCK[0] * Math.floor(i / grid[1]), BLOCK[1] * (i % grid[1])),
  );
  const stored: TensorToWrite[] = [
    { name, dtype: 'F8_E4M3', shape, chunks: () => [codes] },
    { name: `${name}_scale_inv`, dtype: 'F32', shape: grid, chunks: () => [encodeFromFloat(scales, 'F32')] },
  ];
  return { stored, exact: decodeWide(codes, 'F8_E4M3').map((value, i) => value * scale(i)) };
}

const isLinear = ({ name }: TinyTensor) => name.endsWith('_proj.weight');

async function float8Files(quantization_config: unknown) {
  const plain = await tinyLlama(OPTIONS);
  const tensors = tinyLlamaTensors(OPTIONS).flatMap((tensor): TensorToWrite[] => {
    if (isLinear(tensor)) return quantised(tensor).stored;
    return [{ ...tensor, chunks: () => [encodeFromFloat(tensor.values, 'F32')] }];
  });
  const parts: BlobPart[] = [];
  for await (const chunk of writeSafetensors(tensors)) parts.push(chunk.slice());
  const config = { ...tinyLlamaConfig(OPTIONS), quantization_config };
  return plain.map(({ path, blob }) => {
    if (path.endsWith('/config.json')) return { path, blob: jsonBlob(config) };
    return path.endsWith('.safetensors') ? { path, blob: new Blob(parts) } : { path, blob };
  });
}

describe('a Llama in F8 with block scales', () => {
  it('opens, and is the model of the scaled values to the bit', async () => {
    const edit = (tensors: TinyTensor[]) =>
      tensors.map((tensor) => (isLinear(tensor) ? { ...tensor, values: quantised(tensor).exact } : tensor));
    const expected = await testJob(await tinyLlama({ ...OPTIONS, edit }), TEXTS, SIZES);
    const files = await float8Files({ quant_method: 'fp8', weight_block_size: BLOCK });
    const found = await testJob(files, TEXTS, SIZES);
    expect((await openModel(files)).warnings).toEqual([]);
    const { weight } = found.model.layers[0].attention.q_proj;
    expect(weight).toMatchObject({ dtype: 'F32', stored: { dtype: 'F8_E4M3', bytes: 32 * 32 } });
    expect(modelBytes(found.model)).toBeLessThan(modelBytes(expected.model));
    const dense = await perplexity(backend, found.model, found.evaluation);
    expect(dense).toBe(await perplexity(backend, expected.model, expected.evaluation));

    const sliced = await compress(backend, found, { ...EXACT_SEQUENTIAL, sparsity: 0.25 });
    const reopened = await reopen(sliced.model, { config: {} });
    expect(await perplexity(backend, reopened.model, found.evaluation)).toBe(
      await perplexity(backend, sliced.model, found.evaluation),
    );
  });

  it('with blocks that do not fit the scales is refused, and so are other kinds of codes', async () => {
    const wrong = await float8Files({ quant_method: 'fp8', weight_block_size: [8, 8] });
    await expectBadInput(openModel(wrong), 'shape_mismatch', 'weight_block_size');
    await expectBadInput(openModel(await float8Files({ quant_method: 'gptq' })), 'unsupported_dtype', 'gptq');
  });
});
