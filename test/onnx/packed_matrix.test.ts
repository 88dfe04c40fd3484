/** Tables and products of quantised matrices of any width, block and length of rows, in onnxruntime-web. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/export/graph/builder.ts';
import { IR_VERSION, OPSET_VERSION } from '../../src/export/graph/decoder.ts';
import { gatherDequantized } from '../../src/export/graph/gather_dequantized.ts';
import { quantizedProduct } from '../../src/export/graph/quantized_product.ts';
import type { Bits } from '../../src/export/quantize/blocks.ts';
import { packedBytes } from '../../src/export/quantize/packed_matrix.ts';
import { quantizedRows } from '../../src/export/quantize/quantized_ref.ts';
import { initializerBytes } from '../../src/formats/onnx/model.ts';
import { placeInitializers, writeModel } from '../../src/formats/onnx/write.ts';
import type { WeightRef } from '../../src/models/decoder_model.ts';
import { decodeToFloat32 } from '../../src/tensor/half.ts';
import { memoryFiles } from './memory_files.ts';

ort.env.wasm.numThreads = 1;

const ROWS = 7;
const IDS = [[5, 0, 6, 6]];

function weightOf(columns: number): WeightRef {
  // Blocks of several sizes, most of them not around zero; exact in f32.
  const values = Float32Array.from({ length: ROWS * columns }, (_, i) => Math.fround(Math.sin(3 * i) + (i % 5) / 3));
  const read: WeightRef['read'] = async ({ start, end } = { start: 0, end: ROWS }) =>
    new Uint8Array(values.slice(start * columns, end * columns).buffer);
  return { name: 'made', shape: [ROWS, columns], dtype: 'F32', read };
}

/** `rows` = E[input_ids] and `products` = x·Eᵀ of one quantised E, stored once. */
async function session(columns: number, bits: Bits, block_size: number) {
  const weight = quantizedRows(weightOf(columns), bits, block_size);
  const builder = new GraphBuilder();
  builder.output(gatherDequantized(builder, weight, 'input_ids', '/table', 'table'), 'rows');
  builder.output(quantizedProduct(builder, weight, 'x', '/product', 'table'), 'products');
  const graph = builder.finish(
    'packed',
    [
      { name: 'input_ids', data_type: 'INT64', shape: ['batch', 'length'] },
      { name: 'x', data_type: 'FLOAT', shape: ['count', columns] },
    ],
    [
      { name: 'rows', data_type: 'FLOAT', shape: ['batch', 'length', columns] },
      { name: 'products', data_type: 'FLOAT', shape: ['count', ROWS] },
    ],
  );
  const packed = graph.initializers.filter(({ name }) => name.startsWith('table_'));
  expect(packed.reduce((sum, each) => sum + initializerBytes(each), 0)).toBe(packedBytes(weight.quantized));
  const files = memoryFiles();
  const sink = await files.openFile('model.onnx');
  const versions = { ir_version: IR_VERSION, opset_version: OPSET_VERSION, domains: { 'com.microsoft': 1 } };
  const model = { ...versions, producer_name: 'test', producer_version: '', metadata: {}, graph };
  await writeModel(model, placeInitializers(graph, false), () => '', sink);
  await sink.close();
  return { weight, session: await ort.InferenceSession.create(files.bytes('model.onnx')) };
}

describe('a packed matrix in ONNX', () => {
  for (const bits of [2, 4, 8] as Bits[]) {
    for (const [block_size, columns] of [
      [16, 16],
      [16, 40],
      [32, 72],
      [32, 96],
      [64, 33],
      [128, 300],
      [256, 256],
      [256, 520],
    ]) {
      it(`is a table and a product alike: ${bits} bits, blocks of ${block_size}, rows of ${columns}`, async () => {
        const { weight, session: run } = await session(columns, bits, block_size);
        const values = decodeToFloat32(await weight.read(), 'F32');
        const x = Float32Array.from({ length: 2 * columns }, (_, i) => Math.cos(i));
        const { rows, products } = await run.run({
          input_ids: new ort.Tensor('int64', BigInt64Array.from(IDS[0], BigInt), [1, IDS[0].length]),
          x: new ort.Tensor('float32', x, [2, columns]),
        });
        // The numbers that the app computes with, to the last bit.
        const expected = IDS[0].flatMap((id) => [...values.subarray(id * columns, (id + 1) * columns)]);
        expect([...(rows.data as Float32Array)]).toEqual(expected);
        for (const [i, found] of (products.data as Float32Array).entries()) {
          const [from, row] = [Math.floor(i / ROWS), i % ROWS];
          let exact = 0;
          for (let c = 0; c < columns; c++) exact += x[from * columns + c] * values[row * columns + c];
          expect(Math.abs(found - exact)).toBeLessThan(1e-5 * Math.sqrt(columns));
        }
        await run.release();
      });
    }
  }
});
