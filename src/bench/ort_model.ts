/** @file The model that onnxruntime-web runs for comparison: one MatMul node, in ONNX. */
import type { Graph } from '../formats/onnx/model.ts';
import { writeModel } from '../formats/onnx/write.ts';
import type { MatmulShape } from './figures.ts';

/** y = a · b. @param b Given, it is a constant of the model, else a second input. */
export async function matmulModel({ m, k, n }: MatmulShape, b?: Float32Array): Promise<Uint8Array> {
  const graph: Graph = {
    name: 'matmul',
    nodes: [{ op_type: 'MatMul', name: 'matmul', inputs: ['a', 'b'], outputs: ['y'], attributes: [] }],
    initializers: b ? [{ name: 'b', data_type: 'FLOAT', dims: [k, n], chunks: () => once(b) }] : [],
    inputs: [
      { name: 'a', data_type: 'FLOAT', shape: [m, k] },
      ...(b ? [] : [{ name: 'b', data_type: 'FLOAT', shape: [k, n] } as const]),
    ],
    outputs: [{ name: 'y', data_type: 'FLOAT', shape: [m, n] }],
  };
  const chunks: Uint8Array[] = [];
  await writeModel(
    { ir_version: 10, opset_version: 21, producer_name: 'Whittle', producer_version: '', metadata: {}, graph },
    new Map(),
    () => '',
    { write: async (bytes) => void chunks.push(bytes.slice()) },
  );
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

async function* once(values: Float32Array): AsyncIterable<Uint8Array> {
  yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
