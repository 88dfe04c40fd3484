/** Which products of a graph meet no bias; and what a graph is said to hold. */
import { describe, expect, it } from 'vitest';
import { bareOperands } from './bare_linears.ts';
import type { OnnxGraph, OnnxModel, OnnxNode } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';
import { onnxSummary, operatorCounts } from './summary.ts';

const tensor = (name: string, ...dims: number[]): StoredTensor => ({
  name,
  type: { name: 'FLOAT', bits: 32 },
  dims,
  elements: dims.reduce((a, b) => a * b, 1),
  bytes: 4 * dims.reduce((a, b) => a * b, 1),
  location: { kind: 'none' },
});
const node = (op_type: string, inputs: string[], outputs: string[], subgraphs: OnnxGraph[] = []): OnnxNode => ({
  ...{ op_type, domain: '', name: '', inputs, outputs, ints: new Map(), floats: new Map(), subgraphs },
});
const W = tensor('W', 3, 2);
const bias = tensor('b', 2);
const matrix = tensor('M', 2, 2);
const graph = (nodes: OnnxNode[], outputs: string[] = [], initializers = [W, bias, matrix]): OnnxGraph => ({
  name: '',
  nodes,
  initializers: new Map(initializers.map((each) => [each.name, each])),
  inputs: [{ name: 'x' }],
  outputs: outputs.map((name) => ({ name })),
});
const product = (output = 'h') => node('MatMul', ['x', 'W'], [output]);
const passed = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    node('Cast', [i === 0 ? 'h' : `c${i}`], [i === count - 1 ? 'end' : `c${i + 1}`]),
  );

describe('a product without a bias', () => {
  it.each<[string, OnnxNode[], boolean]>([
    ['that nothing reads', [product()], true],
    ['that meets a vector', [product(), node('Add', ['h', 'b'], ['y'])], false],
    ['that meets a matrix', [product(), node('Add', ['h', 'M'], ['y'])], true],
    ['that meets another value', [product(), node('Add', ['h', 'x'], ['y'])], true],
    ['that is cast before', [product(), node('Cast', ['h'], ['c']), node('Add', ['c', 'b'], ['y'])], false],
    [
      'that is reshaped, by a vector',
      [product(), node('Reshape', ['h', 'b'], ['r']), node('Add', ['r', 'x'], ['y'])],
      true,
    ],
    ['that is activated before', [product(), node('Relu', ['h'], ['r']), node('Add', ['r', 'b'], ['y'])], true],
    ['of which one reader is a bias', [product(), node('Relu', ['h'], ['r']), node('Add', ['h', 'b'], ['y'])], false],
    ['that is used twice, once with one', [product(), product('k'), node('Add', ['k', 'b'], ['y'])], false],
    ['that a node with subgraphs reads', [product(), node('If', ['h'], ['y'], [graph([])])], false],
    ['behind four casts', [product(), ...passed(4), node('Add', ['end', 'x'], ['y'])], true],
    ['behind more casts than are looked through', [product(), ...passed(5), node('Add', ['end', 'x'], ['y'])], false],
  ])('%s', (_, nodes, isBare) => {
    expect([...bareOperands(graph(nodes))]).toEqual(isBare ? [W] : []);
  });

  it('in a subgraph is one unless it leaves it', () => {
    const inside = (outputs: string[]) => graph([product()], outputs, []);
    for (const [outputs, isBare] of [
      [[], true],
      [['h'], false],
    ] as const) {
      const outer = graph([node('If', ['c'], ['y'], [inside([...outputs])])]);
      expect([...bareOperands(outer)]).toEqual(isBare ? [W] : []);
    }
    // What leaves the whole model meets nothing.
    expect([...bareOperands(graph([product()], ['h']))]).toEqual([W]);
  });

  it('is of a matrix', () => {
    expect([...bareOperands(graph([node('MatMul', ['x', 'b'], ['h'])]))]).toEqual([]);
    expect([...bareOperands(graph([node('Gemm', ['x', 'W'], ['h'])]))]).toEqual([]);
    expect([...bareOperands(graph([node('FusedMatMul', ['x', 'W'], ['h'])]))]).toEqual([W]);
  });
});

describe('a summary', () => {
  const inner = graph([node('Add', ['a', 'b'], ['c']), node('Cast', ['c'], ['d'])]);
  const whole = graph(
    [
      product(),
      { ...node('Gelu', ['h'], ['g']), domain: 'com.microsoft' },
      node('If', ['x'], ['y'], [inner]),
      node('Add', ['g', 'b'], ['y']),
    ],
    ['y'],
  );
  const model: OnnxModel = {
    ...{ ir_version: 8, opsets: new Map([['', 17]]), producer_name: 'pytorch', producer_version: '2.4', functions: 0 },
    ...{ metadata: new Map(), graph: whole },
  };

  it('counts operators, those of subgraphs too, the most frequent first', () => {
    expect([...operatorCounts(whole)]).toEqual([
      ['Add', 2],
      ['MatMul', 1],
      ['com.microsoft.Gelu', 1],
      ['If', 1],
      ['Cast', 1],
    ]);
  });

  it('is one sentence', () => {
    expect(onnxSummary(model)).toBe(
      'ONNX from pytorch 2.4, opset 17, IR 8; 6 nodes (2 Add, 1 MatMul, 1 com.microsoft.Gelu, 1 If, 1 Cast); inputs x no tensor; outputs y no tensor; 3 initialisers with 12 numbers',
    );
  });

  it('is short, and has no control characters', () => {
    const kinds = Array.from({ length: 9 }, (_, i) => node(`Op${i}`, [], []));
    const inputs = Array.from({ length: 6 }, (_, i) => ({
      name: `in${i}\n${'x'.repeat(i === 0 ? 80 : 1)}`,
      type: 'FLOAT',
      shape: [1, 'n'],
    }));
    const found = onnxSummary({ ...model, producer_name: '', graph: { ...graph(kinds), inputs } });
    expect(found).toContain('9 nodes (1 Op0, 1 Op1, 1 Op2, 1 Op3, 1 Op4, 1 Op5, 3 more kinds)');
    expect(found).toMatch(/inputs in0\?x{56}… FLOAT/);
    expect(found).toContain('2 more; outputs none');
    expect(found).not.toMatch(/\n/);
  });
});
