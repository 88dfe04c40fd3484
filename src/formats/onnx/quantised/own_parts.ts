/**
 * @file Weights that Whittle's own graphs compute with several operators: integers with float minimums, with kept columns, with a
 * low-rank product, and tables of integers whose rows standard operators decode. Put together by the names that the export
 * gives (`src/export/graph/packed_product.ts`, `gather_dequantized.ts`).
 */
import type { RowRange } from '../../checkpoint.ts';
import type { OnnxGraph, OnnxNode } from '../read_model.ts';
import { bad, type StoredTensor } from '../read_tensor.ts';
import { Values } from '../weight_uses.ts';
import { blockTensor } from './block_codes.ts';
import { readNumbers } from './numbers.ts';
import { isVirtual, type ReadTensor, type VirtualTensor, virtualTensor } from './virtual.ts';

/** @param graph As `floatGraph` makes it. Throws `bad_onnx`. */
export function withOwnParts(file: string, graph: OnnxGraph): OnnxGraph {
  const initializers = new Map(graph.initializers);
  const parts = new OwnParts(file, { ...graph, initializers });
  for (const name of parts.tables()) initializers.set(name, parts.table(name));
  const owners = (suffix: string) =>
    [...graph.initializers.keys()].flatMap((part) => (part.endsWith(suffix) ? [part.slice(0, -suffix.length)] : []));
  // Minimums are those of the integers, in their own order of inputs.
  for (const name of owners('.weight.minimums'))
    initializers.set(`${name}.weight`, parts.withMinimums(`${name}.weight`));
  for (const name of parts.ordered()) initializers.set(name, parts.withColumns(name));
  for (const name of owners('.weight.down')) initializers.set(`${name}.weight`, parts.lowRank(`${name}.weight`));
  return { ...graph, initializers };
}

class OwnParts {
  private readonly producers = new Map<string, OnnxNode>();
  private readonly values: Values;

  constructor(
    private readonly file: string,
    private readonly graph: OnnxGraph,
  ) {
    for (const node of graph.nodes) for (const output of node.outputs) this.producers.set(output, node);
    this.values = new Values(graph);
  }

  /** Names of tables that no product reads. */
  tables(): string[] {
    const { initializers } = this.graph;
    return [...initializers.keys()].flatMap((stored) => {
      const [, name] = /^(.+)_quant$/.exec(stored) ?? [];
      return name !== undefined && !initializers.has(name) && initializers.has(`${name}_scales`) ? [name] : [];
    });
  }

  table(name: string): VirtualTensor {
    const codes = this.part(`${name}_quant`);
    const scope = this.graph.nodes
      .find(({ op_type, inputs }) => op_type === 'Gather' && inputs[0] === codes.name)
      ?.name.replace(/\/codes\/Gather$/, '');
    const sizes = this.sizesOf(`${scope}/codes/Reshape`, 1);
    const [rows, blocks, blob] = codes.dims;
    const block = sizes.at(-1) ?? 0;
    const bits = (8 * blob) / block;
    if (sizes.at(-2) !== blocks || (bits !== 2 && bits !== 4 && bits !== 8)) {
      throw bad(this.file, `Nothing in the graph says how the rows of ${name}_quant are decoded.`, { tensor: name });
    }
    const columns = this.sizesOf(`${scope}/Slice`, 2)[0] ?? blocks * block;
    const zeros = this.graph.initializers.get(`${name}_zero_points`);
    const scales = this.part(`${name}_scales`);
    return blockTensor(name, { rows, columns, bits, block, padded: true, codes, scales, ...(zeros && { zeros }) });
  }

  /** Names of weights whose integers read some of the inputs, or all in another order. */
  ordered(): string[] {
    return this.graph.nodes.flatMap(({ op_type, inputs }) =>
      op_type === 'FusedMatMul' && this.producers.get(inputs[0])?.name.endsWith('/others/Gather') ? [inputs[1]] : [],
    );
  }

  withColumns(name: string): VirtualTensor {
    const rest = this.base(name)!;
    const others = this.gathered(({ op_type, inputs }) => op_type === 'FusedMatMul' && inputs[1] === name);
    const kept = this.graph.initializers.get(`${name}.kept`);
    const indices = kept && this.gathered(this.reads(kept));
    const [rows] = rest.dims;
    const columns = others.elements + (indices?.elements ?? 0);
    const parts = [...rest.parts, others, ...(kept && indices ? [kept, indices] : [])];
    return virtualTensor(name, [rows, columns], parts, {
      label: rest.decoder.label + (kept ? ' + columns' : ' ordered'),
      async rows(range, read) {
        const values = await rest.decoder.rows(range, read);
        const out = new Float32Array((range.end - range.start) * columns);
        const put = (found: ArrayLike<number>, at: readonly number[]) => {
          for (let i = 0; i < found.length; i++) {
            const column = at[i % at.length];
            if (!(column >= 0 && column < columns)) throw new RangeError(`${name}: column ${column} of ${columns}`);
            out[Math.floor(i / at.length) * columns + column] = found[i];
          }
        };
        put(values, await readIndices(others, read));
        if (kept && indices) put(await readTurned(kept, range, read), await readIndices(indices, read));
        return out;
      },
    });
  }

  lowRank(name: string): VirtualTensor {
    const base = this.base(name);
    const [down, up] = [this.part(`${name}.down`), this.part(`${name}.up`)];
    const [columns, rank] = down.dims;
    const [, rows] = up.dims;
    return virtualTensor(name, [rows, columns], [...(base?.parts ?? []), down, up], {
      label: `${base ? `${base.decoder.label} + ` : ''}rank ${rank}`,
      async rows(range, read) {
        const out = base ? await base.decoder.rows(range, read) : new Float32Array((range.end - range.start) * columns);
        const left = await readTurned(up, range, read);
        const right = await readNumbers(down, 0, down.elements, read);
        for (let i = 0; i < out.length; i++) {
          const [row, column] = [Math.floor(i / columns), i % columns];
          let sum = 0;
          for (let k = 0; k < rank; k++) sum += left[row * rank + k] * right[column * rank + k];
          out[i] += sum;
        }
        return out;
      },
    });
  }

  withMinimums(name: string): VirtualTensor {
    const base = this.base(name);
    const minimums = this.part(`${name}.minimums`);
    const product = this.graph.nodes.find(this.reads(minimums));
    const ones = this.values.trace(this.producers.get(product?.inputs[0] ?? '')?.inputs[1])?.tensor;
    if (!base || !ones) throw bad(this.file, `Nothing in the graph adds ${name}.minimums.`, { tensor: name });
    const [groups] = minimums.dims;
    const [, columns] = base.dims;
    return virtualTensor(name, base.dims, [...base.parts, minimums], {
      label: base.decoder.label,
      async rows(range, read) {
        const out = await base.decoder.rows(range, read);
        const added = await readTurned(minimums, range, read);
        const group = await groupLength(ones, read);
        for (let i = 0; i < out.length; i++) {
          out[i] += added[Math.floor(i / columns) * groups + Math.floor((i % columns) / group)];
        }
        return out;
      },
    });
  }

  private base(name: string): VirtualTensor | undefined {
    const found = this.graph.initializers.get(name);
    return found && isVirtual(found) ? found : undefined;
  }

  private part(name: string): StoredTensor {
    const found = this.graph.initializers.get(name);
    if (found) return found;
    throw bad(this.file, `The weight ${name} is missing.`, { tensor: name }, 'all parts of a packed weight');
  }

  private reads(tensor: StoredTensor): (node: OnnxNode) => boolean {
    return ({ op_type, inputs }) => op_type === 'MatMul' && this.values.trace(inputs[1])?.tensor === tensor;
  }

  /** The columns of x that a product reads. */
  private gathered(isProduct: (node: OnnxNode) => boolean): StoredTensor {
    const product = this.graph.nodes.find(isProduct);
    const gather = this.producers.get(product?.inputs[0] ?? '');
    const found = gather?.op_type === 'Gather' ? this.graph.initializers.get(gather.inputs[1]) : undefined;
    if (found?.type.name === 'INT64') return found;
    const title = product?.name ?? 'A product with kept columns';
    throw bad(this.file, `${title} does not say which inputs it reads.`);
  }

  /** A list of the graph's own constants, whose names hold their numbers. */
  private sizesOf(node: string, input: number): number[] {
    const name = this.graph.nodes.find((each) => each.name === node)?.inputs[input] ?? '';
    const [, list = ''] = /^constant\.ints\.([\d_]+)$/.exec(name) ?? [];
    return list.split('_').filter(Boolean).map(Number);
  }
}

async function readIndices(tensor: StoredTensor, read: ReadTensor): Promise<number[]> {
  const bytes = (await read(tensor, 0, tensor.bytes)).slice();
  return [...new BigInt64Array(bytes.buffer)].map(Number);
}

/** Rows of a matrix that is stored transposed, a small one. */
async function readTurned(tensor: StoredTensor, { start, end }: RowRange, read: ReadTensor): Promise<Float64Array> {
  const [columns, rows] = tensor.dims;
  const stored = await readNumbers(tensor, 0, tensor.elements, read);
  const out = new Float64Array((end - start) * columns);
  for (let row = start; row < end; row++) {
    for (let column = 0; column < columns; column++) {
      out[(row - start) * columns + column] = stored[column * rows + row];
    }
  }
  return out;
}

/** Leading ones of the first column of (columns, groups). */
async function groupLength(ones: StoredTensor, read: ReadTensor): Promise<number> {
  const [columns, groups] = ones.dims;
  let length = 0;
  while (length < columns && (await readNumbers(ones, length * groups, 1, read))[0] === 1) length++;
  return Math.max(1, length);
}
