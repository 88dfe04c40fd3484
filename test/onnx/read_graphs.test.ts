/** Weights found along the graph in shapes that other tools give it; which values they are is told by the bytes. */
import { describe, expect, it } from 'vitest';
import { type OpenedOnnx, openOnnx } from '../../src/formats/onnx/checkpoint.ts';
import {
  graph,
  intsAttribute,
  node,
  type ProtoGraph,
  protoModel,
  sourceOf,
  tensor,
  versions,
  type Write,
} from './proto_model.ts';

const FLOAT = 1;
/** 0 … n − 1. */
const counting = (n: number): Write => {
  const values = Float32Array.from({ length: n }, (_, i) => i);
  return (message) => message.bytes(9, new Uint8Array(values.buffer));
};
const stored = (name: string, ...dims: number[]) =>
  tensor(name, FLOAT, dims, counting(dims.reduce((product, size) => product * size, 1)));

const open = (parts: ProtoGraph): Promise<OpenedOnnx> =>
  openOnnx(sourceOf(protoModel({ inputs: ['x', 'y'], ...parts })), () => undefined);

async function values({ checkpoint }: OpenedOnnx, name: string): Promise<number[]> {
  return [...new Float32Array((await checkpoint.read(name)).slice().buffer)];
}
const names = ({ checkpoint }: OpenedOnnx) => [...checkpoint.tensors.keys()].sort();

/** Of [[0, 1, 2], [3, 4, 5]]. */
const TURNED = [0, 3, 1, 4, 2, 5];
const AS_STORED = [0, 1, 2, 3, 4, 5];
const Q = '/model/layers.0/self_attn/q_proj';
const Q_WEIGHT = 'model.layers.0.self_attn.q_proj.weight';
const perm = intsAttribute('perm', [1, 0]);
const int =
  (name: string, value: number): Write =>
  (message) =>
    message.message(5, (attribute) => attribute.string(1, name).int(3, value));

describe('products that tell no module', () => {
  const table = node('Gather', ['model.embed_tokens.weight', 'y'], ['e'], '/model/embed_tokens/Gather');
  const opened = (...nodes: Write[]) =>
    open({
      initializers: [stored('model.embed_tokens.weight', 2, 3), stored('val_7', 2, 3), stored('val_8', 2, 3)],
      nodes: [table, ...nodes],
      outputs: ['h'],
    });

  it('are counted, whatever operator they are', async () => {
    const { nameless } = await opened(
      node('MatMul', ['x', 'val_7'], ['g'], 'node_linear_Q4'),
      node('FusedMatMul', ['x', 'val_8'], ['h'], ''),
    );
    expect(nameless).toEqual({ count: 2, example: 'node_linear_Q4' });
    expect((await opened(node('Gemm', ['x', 'val_7'], ['h'], ''))).nameless).toEqual({ count: 1, example: 'Gemm' });
  });

  it('are none where nodes are named, weights are, or there is no weight', async () => {
    expect((await opened(node('MatMul', ['x', 'val_7'], ['h'], `${Q}/MatMul`))).nameless).toBeUndefined();
    expect((await opened(node('MatMul', ['x', 'model.embed_tokens.weight'], ['h'], 'n'))).nameless).toBeUndefined();
    expect((await opened(node('MatMul', ['x', 'y'], ['h'], 'n'))).nameless).toBeUndefined();
  });
});

describe('a linear', () => {
  const W = 'onnx::MatMul_7';
  it.each<[string, Write[], number[]]>([
    ['MatMul', [node('MatMul', ['x', W], ['h'], `${Q}/MatMul`)], TURNED],
    [
      'MatMul of a Transpose',
      [node('Transpose', [W], ['t'], 'a', perm), node('MatMul', ['x', 't'], ['h'], `${Q}/MatMul`)],
      AS_STORED,
    ],
    [
      'Transpose without perm',
      [node('Transpose', [W], ['t'], 'a'), node('MatMul', ['x', 't'], ['h'], `${Q}/MatMul`)],
      AS_STORED,
    ],
    [
      'two Transposes and a Cast',
      [
        node('Transpose', [W], ['t'], 'a', perm),
        node('Cast', ['t'], ['c'], 'b'),
        node('Transpose', ['c'], ['u'], 'c', perm),
        node('MatMul', ['x', 'u'], ['h'], `${Q}/MatMul`),
      ],
      TURNED,
    ],
    ['Gemm with transB', [node('Gemm', ['x', W], ['h'], `${Q}/Gemm`, int('transB', 1))], AS_STORED],
    ["ONNX Runtime's FusedMatMul", [node('FusedMatMul', ['x', W], ['h'], `${Q}/MatMul`)], TURNED],
    ['FusedMatMul with transB', [node('FusedMatMul', ['x', W], ['h'], `${Q}/MatMul`, int('transB', 1))], AS_STORED],
    [
      'a node that notes its modules',
      [
        node(
          'MatMul',
          ['x', W],
          ['h'],
          'node_linear',
          scopes(['', 'model', 'model.layers.0.self_attn.q_proj', 'linear']),
        ),
      ],
      TURNED,
    ],
  ])('%s', async (_, nodes, expected) => {
    const opened = await open({ initializers: [stored(W, 2, 3)], nodes, outputs: ['h'] });
    expect(names(opened)).toEqual([Q_WEIGHT]);
    expect(await values(opened, Q_WEIGHT)).toEqual(expected);
  });

  it.each<[string, Write]>([
    ['a permutation that is none of a matrix', intsAttribute('perm', [0, 1])],
    ['one of three axes', intsAttribute('perm', [1, 0, 2])],
  ])('is not guessed behind %s', async (_, attribute) => {
    const nodes = [
      node('Transpose', [W], ['t'], 'a', attribute),
      node('MatMul', ['x', 't'], ['h'], `${Q}/MatMul`),
      node('Gather', ['e', 'y'], ['g'], '/model/embed_tokens/Gather'),
    ];
    const opened = await open({ initializers: [stored(W, 2, 3), stored('e', 4, 2)], nodes, outputs: ['h'] });
    expect(names(opened)).toEqual(['model.embed_tokens.weight']);
  });
});

const scopes =
  (list: string[]): Write =>
  (message) => {
    const text = `[${list.map((scope) => `'${scope}'`).join(', ')}]`;
    message.message(9, (entry) => entry.string(1, 'pkg.torch.onnx.name_scopes').string(2, text));
  };

describe('weights in other places', () => {
  it('a Constant node', async () => {
    const value: Write = (message) =>
      message.message(5, (attribute) =>
        attribute.string(1, 'value').message(5, tensor('', FLOAT, [2, 3], counting(6))),
      );
    const nodes = [node('Constant', [], ['c'], 'c', value), node('MatMul', ['x', 'c'], ['h'], `${Q}/MatMul`)];
    const opened = await open({ nodes, outputs: ['h'] });
    expect(await values(opened, Q_WEIGHT)).toEqual(TURNED);
  });

  it('a table that is the transpose of what the head multiplies, as both ends', async () => {
    const nodes = [
      node('Transpose', ['W'], ['t'], '/model/embed_tokens/Transpose', perm),
      node('Gather', ['t', 'x'], ['h'], '/model/embed_tokens/Gather'),
      node('MatMul', ['h', 'W'], ['z'], '/lm_head/MatMul'),
    ];
    const opened = await open({ initializers: [stored('W', 2, 3)], nodes, outputs: ['z'] });
    expect(names(opened)).toEqual(['model.embed_tokens.weight']);
    expect(opened.checkpoint.tensors.get('model.embed_tokens.weight')!.shape).toEqual([3, 2]);
    expect(await values(opened, 'model.embed_tokens.weight')).toEqual(TURNED);
  });

  it('a bias that an optimiser took away, because it was zero: only where nothing could be one', async () => {
    const bias = 'model.layers.0.self_attn.q_proj.bias';
    const initializers = [stored('onnx::MatMul_7', 2, 3), stored('v', 3), stored('p', 1)];
    const product = node('MatMul', ['x', 'onnx::MatMul_7'], ['h'], `${Q}/MatMul`);
    const zerosOf = async (nodes: Write[], output: string) =>
      (await open({ initializers, nodes: [product, ...nodes], outputs: [output] })).checkpoint;
    const bare = await zerosOf([node('Add', ['y', 'h'], ['z'], '/model/layers.0/Add')], 'z');
    expect(bare.zeros!.get(bias)).toMatchObject({ dtype: 'F32', shape: [3], bytes: 12 });
    expect(bare.tensors.has(bias)).toBe(false);
    expect(await bare.read(bias)).toEqual(new Uint8Array(12));
    expect(await bare.read(bias, { start: 1, end: 3 })).toEqual(new Uint8Array(8));
    for (const later of [
      [node('Add', ['h', 'v'], ['z'], 'unnamed')],
      [node('Cast', ['h'], ['c'], 'cast'), node('BiasGelu', ['c', 'v'], ['z'], 'gelu')],
      [node('SkipLayerNormalization', ['h', 'y', 'v', '', 'v'], ['z'], 'norm')],
    ]) {
      expect((await zerosOf(later, 'z')).zeros!.has(bias)).toBe(false);
    }
  });

  it('both branches of a merged decoder, which use what lies outside of them', async () => {
    const branch =
      (name: string): Write =>
      (message) =>
        message.message(5, (attribute) =>
          attribute.string(1, name).message(
            6,
            graph({
              inputs: [],
              nodes: [node('MatMul', ['x', 'onnx::MatMul_7'], ['h'], `${Q}/MatMul`)],
              outputs: ['h'],
            }),
          ),
        );
    const nodes = [node('If', ['y'], ['z'], 'optimum::if', branch('then_branch'), branch('else_branch'))];
    const opened = await open({ initializers: [stored('onnx::MatMul_7', 2, 3)], nodes, outputs: ['z'] });
    expect(names(opened)).toEqual([Q_WEIGHT]);
    expect(await values(opened, Q_WEIGHT)).toEqual(TURNED);
    expect(opened.summary).toContain('3 nodes (2 MatMul, 1 If)');
  });

  it("ONNX Runtime's fused norm, named after one of its parts", async () => {
    const name = '/model/layers.0/input_layernorm/Mul_1/SimplifiedLayerNormFusion/';
    const nodes = [node('SimplifiedLayerNormalization', ['x', 'add_1'], ['h'], name)];
    const opened = await open({ initializers: [stored('add_1', 3)], nodes, outputs: ['h'] });
    expect(names(opened)).toEqual(['model.layers.0.input_layernorm.weight']);
    expect([...opened.folded]).toEqual(['model.layers.0.input_layernorm.weight']);
  });

  it('not angles, scalars or factors of two constants', async () => {
    const nodes = [
      node('MatMul', ['x', 'freq'], ['a'], '/model/rotary_emb/MatMul'),
      node('Mul', ['x', 'eps'], ['b'], '/model/norm/Mul'),
      node('Add', ['w', 'one'], ['c'], '/model/norm/Add'),
      node('Mul', ['x', 'w'], ['h'], '/model/norm/Mul_1'),
    ];
    const initializers = [stored('freq', 2, 3), stored('eps', 1), stored('w', 3), stored('one')];
    expect(names(await open({ initializers, nodes, outputs: ['h'] }))).toEqual(['model.norm.weight']);
  });

  it('one table for both ends, under the name of the head', async () => {
    const nodes = [
      node(
        'Gather',
        ['lm_head.weight', 'x'],
        ['h'],
        'node_embedding',
        scopes(['', 'transformer', 'transformer.wte', 'embedding']),
      ),
      node('Transpose', ['lm_head.weight'], ['t'], 'node_t', perm),
      node('MatMul', ['h', 't'], ['z'], 'node_linear', scopes(['', 'lm_head', 'linear'])),
    ];
    const opened = await open({ initializers: [stored('lm_head.weight', 2, 3)], nodes, outputs: ['z'] });
    expect(names(opened)).toEqual(['transformer.wte.weight']);
    expect(await values(opened, 'transformer.wte.weight')).toEqual(AS_STORED);
  });

  it('and says which operators are not ONNX', async () => {
    const domain: Write = (message) => message.string(7, 'com.example');
    const head: Write = (message) => {
      versions(8, 17)(message);
      message.message(8, (set) => set.string(1, 'com.example').int(2, 1));
    };
    const parts = {
      initializers: [stored('model.norm.weight', 3)],
      nodes: [node('Twist', ['x'], ['h'], '', domain)],
      outputs: ['h'],
    };
    const { warnings } = await openOnnx(sourceOf(protoModel(parts, head)), () => undefined);
    expect(warnings).toEqual([expect.stringContaining('"com.example.Twist"')]);
  });
});
