/** Operators in codes as operators in floats: what they take, and the numbers of what is stored. */
import { describe, expect, it } from 'vitest';
import type { OnnxGraph, OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { floatGraph } from './float_graph.ts';
import { isVirtual, type ReadTensor } from './virtual.ts';

const VALUES: Record<string, { type: string; dims: number[]; values: ArrayLike<number> & ArrayBufferView }> = {
  w_quantized: { type: 'INT8', dims: [2, 3], values: Int8Array.of(1, -2, 3, 40, -50, 60) },
  w_scale: { type: 'FLOAT', dims: [3], values: Float32Array.of(0.5, 0.25, 2) },
  w_zero: { type: 'INT8', dims: [3], values: Int8Array.of(0, 1, -1) },
  t_scale: { type: 'FLOAT', dims: [2], values: Float32Array.of(0.5, 0.25) },
  t_zero: { type: 'INT8', dims: [2], values: Int8Array.of(0, 1) },
  bias_quantized: { type: 'INT32', dims: [3], values: Int32Array.of(-100_000, 8, 3) },
  x_scale: { type: 'FLOAT', dims: [], values: Float32Array.of(0.125) },
  x_zero: { type: 'UINT8', dims: [], values: Uint8Array.of(7) },
  f: { type: 'FLOAT', dims: [2, 2], values: Float32Array.of(0.25, 0.75, -200, 1.3) },
  f_scale: { type: 'FLOAT', dims: [], values: Float32Array.of(0.5) },
  f_zero: { type: 'INT8', dims: [], values: Int8Array.of(3) },
};
const TENSORS = Object.entries(VALUES).map(([name, { type, dims, values }]): StoredTensor => {
  const bits = (8 * values.byteLength) / values.length;
  const shared = { name, type: { name: type, bits }, dims, elements: values.length };
  return { ...shared, bytes: values.byteLength, location: { kind: 'none' } };
});
const read: ReadTensor = async ({ name }, start, length) => {
  const { buffer } = VALUES[name].values;
  return new Uint8Array(buffer, start, length);
};

function converted(op_type: string, inputs: string[], ints: Record<string, number> = {}, more: OnnxNode[] = []) {
  const made = { domain: '', name: 'n', floats: new Map(), subgraphs: [] };
  const given = new Map(Object.entries(ints).map(([key, value]) => [key, [value]]));
  const nodes = [...more, { ...made, op_type, inputs, outputs: ['y'], ints: given }];
  const initializers = new Map(TENSORS.map((each) => [each.name, each]));
  const graph: OnnxGraph = { name: '', nodes, inputs: [{ name: 'x' }], outputs: [{ name: 'y' }], initializers };
  return floatGraph('m.onnx', graph);
}

async function numbers({ initializers }: OnnxGraph, name: string): Promise<number[]> {
  const found = initializers.get(name);
  if (!found || !isVirtual(found)) throw new Error(`${name} is no weight that is decoded`);
  return [...(await found.decoder.rows({ start: 0, end: found.dims[0] }, read))];
}

const OPERANDS = ['x', 'x_scale', 'x_zero', 'w_quantized', 'w_scale', 'w_zero'];
const W = [0.5, -0.75, 8, 20, -12.75, 122];

describe('an operator in codes', () => {
  it.each([
    ['QLinearMatMul', 'MatMul'],
    ['QLinearAdd', 'Add'],
    ['QLinearMul', 'Mul'],
  ])('%s is %s of what its operands stand for', async (op_type, plain) => {
    const graph = converted(op_type, [...OPERANDS, 'y_scale', 'y_zero']);
    expect(graph.nodes).toMatchObject([{ op_type: plain, inputs: ['x', 'w'], outputs: ['y'] }]);
    expect(await numbers(graph, 'w')).toEqual(W);
  });

  it('QGemm is Gemm, its bias in units of input and weight', async () => {
    const graph = converted('QGemm', [...OPERANDS, 'bias_quantized']);
    expect(graph.nodes).toMatchObject([{ op_type: 'Gemm', inputs: ['x', 'w', 'bias'] }]);
    expect(await numbers(graph, 'w')).toEqual(W);
    expect(await numbers(graph, 'bias')).toEqual([-6250, 0.25, 0.75]);
    const turned = converted('QGemm', ['x', 'x_scale', 'x_zero', 'w_quantized', 't_scale', 't_zero'], { transB: 1 });
    expect(turned.nodes).toMatchObject([{ op_type: 'Gemm', inputs: ['x', 'w'] }]);
    expect(await numbers(turned, 'w')).toEqual([0.5, -1, 1.5, 9.75, -12.75, 14.75]);
  });

  it('with as many scales as no axis has is refused', () => {
    const wrong = ['x', 'x_scale', 'x_zero', 'w_quantized', 't_scale', 't_zero'];
    expect(() => converted('QLinearMatMul', wrong)).toThrow(expect.objectContaining({ code: 'bad_onnx' }));
  });
});

describe('stored floats that go through codes', () => {
  const quantise = (scale: string): OnnxNode => ({
    ...{ op_type: 'QuantizeLinear', domain: '', name: 'q', inputs: ['f', scale, 'f_zero'], outputs: ['q'] },
    ...{ ints: new Map(), floats: new Map(), subgraphs: [] },
  });

  it('are what the pair makes of them: halves to even, the ends of the type', async () => {
    const graph = converted('DequantizeLinear', ['q', 'f_scale', 'f_zero'], {}, [quantise('f_scale')]);
    expect(await numbers(graph, 'y')).toEqual([0, 1, -65.5, 1.5]);
    // Also by the name that they are stored under.
    expect(await numbers(graph, 'f')).toEqual([0, 1, -65.5, 1.5]);
  });

  it('stay what they are where the two differ: that is no rounding', () => {
    const { nodes } = converted('DequantizeLinear', ['q', 'f_scale', 'f_zero'], {}, [quantise('x_scale')]);
    expect(nodes.map(({ op_type }) => op_type)).toEqual(['QuantizeLinear', 'DequantizeLinear']);
  });
});
