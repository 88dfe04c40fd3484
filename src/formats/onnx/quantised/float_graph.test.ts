/** Rows gathered from a quantised table: its axes, told or not. */
import { expect, it } from 'vitest';
import type { OnnxGraph, OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { floatGraph } from './float_graph.ts';

const tensor = (name: string, type: string, bits: number, dims: readonly number[]): StoredTensor => {
  const elements = dims.reduce((a, b) => a * b, 1);
  const bytes = (elements * bits) / 8;
  return { name, type: { name: type, bits }, dims, elements, bytes, location: { kind: 'none' } };
};
/** Four rows of sixteen codes of four bits, in blocks of sixteen. */
const TENSORS = [tensor('codes', 'UINT8', 8, [4, 8]), tensor('scales', 'FLOAT', 32, [4, 1])];

function gathered(axes: Record<string, number>): readonly OnnxNode[] {
  const ints = new Map(Object.entries({ bits: 4, block_size: 16, ...axes }).map(([key, value]) => [key, [value]]));
  const node: OnnxNode = {
    ...{ op_type: 'GatherBlockQuantized', domain: 'com.microsoft', name: 'n', inputs: ['codes', 'ids', 'scales'] },
    ...{ outputs: ['y'], ints, floats: new Map(), subgraphs: [] },
  };
  const graph: OnnxGraph = {
    ...{ name: '', nodes: [node], inputs: [{ name: 'ids' }], outputs: [{ name: 'y' }] },
    initializers: new Map(TENSORS.map((each) => [each.name, each])),
  };
  return floatGraph('m.onnx', graph).nodes;
}

it.each<Record<string, number>>([
  {},
  { quantize_axis: 1 },
  { quantize_axis: -1 },
  { gather_axis: 0 },
  { gather_axis: -2, quantize_axis: 1 },
])('with %j is a Gather of rows', (axes) => {
  expect(gathered(axes).map(({ op_type, domain }) => [op_type, domain])).toEqual([['Gather', '']]);
});

it.each<Record<string, number>>([
  { gather_axis: 1 },
  { gather_axis: -1 },
  { quantize_axis: 0 },
  { quantize_axis: -2 },
  { quantize_axis: 3 },
])('with %j is refused', (axes) => {
  expect(() => gathered(axes)).toThrow(expect.objectContaining({ code: 'unknown_architecture' }));
});
