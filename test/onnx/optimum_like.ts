/**
 * @file Writes a tiny Llama as Optimum does: norms, biases and the embedding keep their names; each linear is stored
 * transposed as `onnx::MatMul_N` and is known only by the name of its node. Nothing runs this graph.
 */
import type { Graph, Initializer, Node } from '../../src/formats/onnx/model.ts';
import { placeInitializers, writeExternalData, writeModel } from '../../src/formats/onnx/write.ts';
import { encodeFromFloat } from '../../src/tensor/half.ts';
import type { TinyTensor } from '../fixtures/tiny_llama.ts';
import { memoryFiles } from './memory_files.ts';

export interface OptimumOptions {
  /** Put in front of every scope: an export of a wrapper. */
  scope_prefix?: string;
  /** A level that the scopes of nodes do not have. */
  lost?: string;
  /** Put in front of names that are kept. */
  name_prefix?: string;
  /** Equal norms are stored once; `identity` says so in the graph, `scope` leaves it to the names of nodes. */
  shared_norms?: 'identity' | 'scope';
  /** The head is the transposed embedding, in the graph. */
  tied_in_graph?: boolean;
  /** Added to norms, which then lose their names: what constant folding makes of Gemma's 1 + weight. */
  folded_offset?: number;
  /** Weights are cast to f32 before they are used. */
  cast?: boolean;
  external?: boolean;
}

/** `model.onnx` and, where asked for, `model.onnx_data`. */
export async function optimumLike(
  tensors: readonly TinyTensor[],
  options: OptimumOptions = {},
): Promise<{ name: string; blob: Blob }[]> {
  const { scope_prefix = '', name_prefix = '', folded_offset } = options;
  const nodes: Node[] = [];
  const initializers = new Map<string, Initializer>();
  let counter = 100;
  let states = 'input_ids';
  const add = (op_type: string, name: string, inputs: string[], attributes: Node['attributes'] = []): string => {
    const output = `${name}_output_0`;
    nodes.push({ op_type, name, inputs, outputs: [output], attributes });
    return output;
  };
  const store = (name: string, { dtype, shape, values }: TinyTensor): string => {
    const bytes = encodeFromFloat(values, dtype as 'F32');
    const data_type = dtype === 'F32' ? 'FLOAT' : dtype === 'F16' ? 'FLOAT16' : 'BFLOAT16';
    initializers.set(name, {
      name,
      data_type,
      dims: shape,
      async *chunks() {
        yield bytes;
      },
    });
    return name;
  };
  let firstNorm: string | undefined;

  for (const tensor of tensors) {
    const module = tensor.name.replace(/\.(weight|bias)$/, '');
    const scope = `/${scope_prefix}${module.replaceAll('.', '/').replace(/\/layers\/(\d+)/, '/layers.$1')}`.replace(
      options.lost ?? '',
      '',
    );
    const kept = name_prefix + tensor.name;
    const operand = (value: string) =>
      options.cast
        ? add('Cast', `${scope}/Cast_${counter++}`, [value], [{ name: 'to', kind: 'int', value: 1 }])
        : value;
    if (module.endsWith('embed_tokens')) {
      states = add('Gather', `${scope}/Gather`, [store(kept, tensor), states]);
    } else if (tensor.name.endsWith('.bias')) {
      states = add('Add', `${scope}/Add`, [operand(store(kept, tensor)), states]);
    } else if (/norm$/.test(module)) {
      let weight: string;
      if (folded_offset !== undefined) {
        const values = tensor.values.map((value) => value + folded_offset);
        weight = store(`onnx::Mul_${counter++}`, { ...tensor, values });
      } else if (options.shared_norms && firstNorm !== undefined) {
        weight = firstNorm;
        if (options.shared_norms === 'identity') {
          nodes.push({ op_type: 'Identity', name: '', inputs: [firstNorm], outputs: [kept], attributes: [] });
          weight = kept;
        }
      } else weight = store(kept, tensor);
      firstNorm ??= weight;
      const normed = add('Div', `${scope}/Div`, [states, states]);
      states = add('Mul', `${scope}/Mul_1`, [operand(weight), normed]);
    } else {
      const turned = store(`onnx::MatMul_${counter++}`, transpose(tensor));
      states = add('MatMul', `${scope}/MatMul`, [states, operand(turned)]);
    }
  }
  if (options.tied_in_graph) {
    const table = `${name_prefix}model.embed_tokens.weight`;
    const turned = add('Transpose', '/lm_head/Transpose', [table], [{ name: 'perm', kind: 'ints', value: [1, 0] }]);
    states = add('MatMul', `/${scope_prefix}lm_head/MatMul`, [states, turned]);
  }
  const graph: Graph = {
    name: 'main_graph',
    nodes,
    initializers: [...initializers.values()],
    inputs: [{ name: 'input_ids', data_type: 'INT64', shape: ['batch_size', 'sequence_length'] }],
    outputs: [{ name: states, data_type: 'FLOAT', shape: ['batch_size', 'sequence_length', tensors[0].shape[0]] }],
  };
  return written(graph, options.external ?? false);
}

async function written(graph: Graph, external: boolean): Promise<{ name: string; blob: Blob }[]> {
  const files = memoryFiles();
  const model = {
    ir_version: 8,
    opset_version: 17,
    producer_name: 'pytorch',
    producer_version: '2.4.0',
    metadata: {},
    graph,
  };
  const placements = placeInitializers(graph, external);
  const sink = await files.openFile('model.onnx');
  await writeModel(model, placements, () => 'model.onnx_data', sink);
  await sink.close();
  if (external) {
    const data = await files.openFile('model.onnx_data');
    await writeExternalData(placements, 0, data);
    await data.close();
  }
  return files.names().map((name) => ({ name, blob: new Blob([files.bytes(name)]) }));
}

function transpose({ shape: [rows, columns], values, ...rest }: TinyTensor): TinyTensor {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j];
  return { ...rest, shape: [columns, rows], values: turned };
}
