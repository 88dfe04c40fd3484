/**
 * @file The graph with floats in the place of what it stores quantised: MatMulNBits is a product with a float matrix, and so on.
 * Weights are then found as in any other graph. Only weights are looked at: activations are computed in floats whatever a
 * graph rounds them to, which a note says.
 */
import type { OnnxGraph, OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { type BlockCodes, blockTensor, codeRowBytes, zeroRowBytes } from './block_codes.ts';
import { bnb4Tensor } from './bnb4_tensor.ts';
import { dequantizedTensor } from './dequantize_linear.ts';
import { checkSize, notRead, sizeAttribute } from './faults.ts';
import { biasInput, biasTensor, fixedPoint, scaleAxis, scaleInput } from './fixed_point.ts';
import { type Lookup, scaledProduct } from './integer_product.ts';
import { integerTensor } from './integer_tensor.ts';
import { isFloat } from './numbers.ts';
import { roundedTensor } from './rounded_floats.ts';
import { isVirtual, type VirtualTensor } from './virtual.ts';

/** What quantising tools add to the name of a weight. */
const SUFFIX = /(_Q\d+(G\d+)?|_quant|_quantized|_q\d+|_quantized_weight|_quant_weight)$/;

/** Throws `bad_onnx`, `unknown_architecture` (a form that is not read). */
export function floatGraph(file: string, graph: OnnxGraph): OnnxGraph {
  return new FloatGraph(file, graph, new Map()).graph;
}

/** Between a stored tensor and an operator that takes it quantised: the same bytes. */
const SAME_BYTES: ReadonlySet<string> = new Set(['Identity', 'Reshape']);
const MOST_STEPS = 8;

type Known = Map<StoredTensor, VirtualTensor>;

class FloatGraph {
  readonly graph: OnnxGraph;
  private readonly initializers: Map<string, StoredTensor>;
  private readonly producers = new Map<string, OnnxNode>();
  private readonly consumers = new Map<string, OnnxNode[]>();
  private readonly dropped = new Set<OnnxNode>();
  /** Nodes that take the place of MatMulInteger and of what scales its sums. */
  private readonly products = new Map<OnnxNode, OnnxNode[]>();

  constructor(
    private readonly file: string,
    from: OnnxGraph,
    private readonly known: Known,
    private readonly outer?: FloatGraph,
  ) {
    this.initializers = new Map(from.initializers);
    for (const node of from.nodes) {
      if (node.tensor) this.initializers.set(node.outputs[0], node.tensor);
      for (const output of node.outputs) this.producers.set(output, node);
      for (const input of node.inputs) this.consumers.set(input, [...(this.consumers.get(input) ?? []), node]);
    }
    // Before any node is taken: what scales the sums may stand on either side of the product.
    for (const node of from.nodes) if (node.op_type === 'MatMulInteger') this.matMulInteger(node);
    const nodes = from.nodes.flatMap((node) => this.node(node));
    this.graph = { ...from, initializers: this.initializers, nodes };
  }

  private node(node: OnnxNode): OnnxNode[] {
    if (this.dropped.has(node)) return [];
    const made = this.products.get(node);
    if (made) return made;
    switch (node.op_type) {
      case 'DynamicQuantizeMatMul':
        return this.fusedProduct(node, { x: 0, codes: 1, scales: 2, zeros: 3, bias: 4 });
      case 'MatMulIntegerToFloat':
        return this.fusedProduct(node, { x: 0, codes: 1, scales: 3, zeros: 5, bias: 6 });
      case 'MatMulNBits':
        return this.matMulNBits(node);
      case 'GatherBlockQuantized':
        return this.gatherBlocks(node);
      case 'MatMulBnb4':
        return this.matMulBnb4(node);
      case 'DequantizeLinear':
        return this.dequantize(node);
      case 'Gather':
        return this.gather(node);
      default: {
        const floats = fixedPoint(node);
        if (floats) return [this.inFloats(node, floats)];
        if (node.subgraphs.length === 0) return [node];
        const subgraphs = node.subgraphs.map((part) => new FloatGraph(this.file, part, this.known, this).graph);
        return [{ ...node, subgraphs }];
      }
    }
  }

  /** Inputs: x, codes, scales, zero points, g_idx, bias. */
  private matMulNBits(node: OnnxNode): OnnxNode[] {
    const { file } = this;
    const columns = sizeAttribute(file, node, 'K');
    const rows = sizeAttribute(file, node, 'N');
    const bits = this.bitsOf(node);
    if (node.inputs[4]) throw notRead(file, node, 'has an order of its inputs (g_idx)', 'MatMulNBits without g_idx');
    const codes = this.constant(node, 1, 'codes');
    const block = sizeAttribute(file, node, 'block_size');
    const weight = this.made(codes, () => {
      const scales = this.constant(node, 2, 'scales');
      const zeros = node.inputs[3] ? this.constant(node, 3, 'zero points') : undefined;
      const made = this.blocks(node, { rows, columns, bits, block, padded: true, codes, scales, zeros });
      return { ...made, is_out_in: true };
    });
    return this.product(node, node.inputs[0], weight, node.outputs[0], node.inputs[5]);
  }

  /** Inputs: x, codes, scales. */
  private matMulBnb4(node: OnnxNode): OnnxNode[] {
    const codes = this.constant(node, 1, 'codes');
    const weight = this.made(codes, () => {
      return bnb4Tensor(this.file, node, this.nameOf(codes), codes, this.constant(node, 2, 'scales'));
    });
    return this.product(node, node.inputs[0], weight, node.outputs[0]);
  }

  /** An operator in codes, as the same in floats: stored operands are dequantised, others stay what their names say. */
  private inFloats(node: OnnxNode, { op_type, operands }: NonNullable<ReturnType<typeof fixedPoint>>): OnnxNode {
    const ints = new Map([['axis', [scaleAxis(node)]]]);
    const inputs = operands.map((at) => {
      const codes = this.stored(node.inputs[at]);
      if (!codes || isVirtual(codes)) return node.inputs[at];
      return this.named(this.dequantized({ ...node, ints }, codes, at + 1));
    });
    const bias = biasInput(node);
    const codes = this.stored(bias);
    if (bias && (!codes || isVirtual(codes))) inputs.push(bias);
    else if (codes) {
      const [input, weight] = operands.map((at) => this.constant(node, at + 1, 'scale'));
      const made = () => biasTensor(this.file, node, this.nameOf(codes), codes, [input, weight]);
      inputs.push(this.named(this.made(codes, made)));
    }
    return { ...node, op_type, domain: '', inputs };
  }

  /** y = x·Wᵀ + bias. */
  private product(node: OnnxNode, x: string, weight: VirtualTensor, y: string, bias?: string): OnnxNode[] {
    const out = bias ? `${y}+bias` : y;
    const product: OnnxNode = {
      ...{ ...node, op_type: 'FusedMatMul', inputs: [x, this.named(weight)], outputs: [out] },
      ints: new Map([['transB', [1]]]),
    };
    if (!bias) return [product];
    return [product, { ...node, op_type: 'Add', domain: '', inputs: [out, bias], outputs: [y], ints: new Map() }];
  }

  /** Inputs: x in codes, codes, their zero points. A product of two activations stays as it is. */
  private matMulInteger(node: OnnxNode): void {
    const codes = this.stored(node.inputs[1]);
    if (!codes || isVirtual(codes)) return;
    const found = scaledProduct(this.file, node, this.lookup);
    for (const part of found.replaced) this.dropped.add(part);
    const weight = this.integers(node, codes, found.scales, 3);
    this.products.set(node, this.product(node, found.x, weight, found.y));
  }

  /** ONNX Runtime's fusions of a product with the scales. */
  private fusedProduct(node: OnnxNode, at: Record<'x' | 'codes' | 'scales' | 'zeros' | 'bias', number>): OnnxNode[] {
    const codes = this.constant(node, at.codes, 'codes');
    const weight = this.integers(node, codes, this.constant(node, at.scales, 'scales'), at.zeros);
    return this.product(node, node.inputs[at.x], weight, node.outputs[0], node.inputs[at.bias] || undefined);
  }

  private integers(node: OnnxNode, codes: StoredTensor, scales: StoredTensor, at: number): VirtualTensor {
    return this.made(codes, () => {
      const zeros = node.inputs[at] ? this.constant(node, at, 'zero points') : undefined;
      return integerTensor(this.file, node, this.nameOf(codes), { codes, scales, zeros });
    });
  }

  private readonly lookup: Lookup = {
    stored: (value) => this.stored(value),
    producer: (value) => this.producer(value),
    consumers: (value) => this.consumers.get(value) ?? [],
  };

  /** Inputs: codes, indices, scales, zero points. */
  private gatherBlocks(node: OnnxNode): OnnxNode[] {
    const { file } = this;
    const { codes, dims } = this.table(node);
    const axis = (name: string, fallback: number) => {
      const value = node.ints.get(name)?.[0] ?? fallback;
      return value < 0 ? value + dims.length : value;
    };
    if (axis('gather_axis', 0) !== 0 || axis('quantize_axis', dims.length - 1) !== dims.length - 1 || dims.length < 2) {
      const what = `gathers along axis ${axis('gather_axis', 0)} of ${dims.length}, quantised along another than the last`;
      throw notRead(file, node, what, 'rows of a matrix that is quantised along its columns');
    }
    const { name: type } = codes.type;
    const isBytes = type === 'UINT8';
    if (!isBytes && type !== 'INT4' && type !== 'UINT4') {
      throw notRead(file, node, `gathers ${type}`, 'UINT8, UINT4 or INT4');
    }
    const bits = isBytes ? this.bitsOf(node) : 4;
    const [rows] = dims;
    const stored = codes.elements / (rows || 1);
    const columns = isBytes ? (stored * 8) / bits : stored;
    const block = sizeAttribute(file, node, 'block_size', 128);
    const weight = this.made(codes, () => {
      const scales = this.constant(node, 2, 'scales');
      const zeros = node.inputs[3] ? this.constant(node, 3, 'zero points') : undefined;
      return this.blocks(node, {
        ...{ rows, columns, bits, block, padded: false, codes, scales, zeros, isSigned: type === 'INT4' },
        ...(!isBytes && { default_zero: 0 }),
      });
    });
    return [{ ...node, op_type: 'Gather', domain: '', inputs: [this.named(weight), node.inputs[1]], ints: new Map() }];
  }

  private table(node: OnnxNode) {
    const codes = this.constant(node, 0, 'codes');
    // A table shared with MatMulNBits has its three dimensions and is reshaped to two.
    const dims = codes.dims.length === 3 ? [codes.dims[0], codes.dims[1] * codes.dims[2]] : codes.dims;
    return { codes, dims };
  }

  /** Inputs: codes, scale, zero point. What is no stored tensor is an activation, and stays. */
  private dequantize(node: OnnxNode): OnnxNode[] {
    const codes = this.stored(node.inputs[0]);
    const weight = codes && !isVirtual(codes) ? this.dequantized(node, codes) : this.rounded(node);
    if (!weight) return [node];
    this.named(weight);
    this.initializers.set(node.outputs[0], weight);
    return [];
  }

  /** @param at The input that is their scale; the next is the zero point. */
  private dequantized(node: OnnxNode, codes: StoredTensor, at = 1): VirtualTensor {
    return this.made(codes, () => {
      const scales = this.constant(node, at, 'scale');
      const zeros = node.inputs[at + 1] ? this.constant(node, at + 1, 'zero point') : undefined;
      return dequantizedTensor(this.file, node, this.nameOf(codes), { codes, scales, zeros });
    });
  }

  /** Stored floats that go through codes: QuantizeLinear, then this DequantizeLinear with the same scale. */
  private rounded(node: OnnxNode): VirtualTensor | undefined {
    const first = this.producer(node.inputs[0]);
    if (first?.op_type !== 'QuantizeLinear') return undefined;
    const floats = this.stored(first.inputs[0]);
    const isSame = (at: number) => (first.inputs[at] || '') === (node.inputs[at] || '');
    if (!floats || !isFloat(floats) || !isSame(1) || !isSame(2)) return undefined;
    // Rounding by the same scale once more changes nothing.
    if (isVirtual(floats)) return floats;
    const scales = this.constant(first, 1, 'scale');
    const zeros = first.inputs[2] ? this.constant(first, 2, 'zero point') : undefined;
    const weight = this.made(floats, () => {
      return roundedTensor(this.file, first, floats.name, { codes: floats, scales, zeros });
    });
    // Who looks for it by its name finds what is computed with.
    const { name } = floats;
    const isRead = (this.consumers.get(name) ?? []).every(({ op_type }) => op_type === 'QuantizeLinear');
    if (isRead && this.initializers.get(name) === floats) this.initializers.set(name, weight);
    return weight;
  }

  /** Rows of codes whose scale, one for all, is named only where they are read; an optimiser may repeat that. */
  private gather(node: OnnxNode): OnnxNode[] {
    const codes = this.stored(node.inputs[0]);
    if (!codes || isVirtual(codes) || isFloat(codes)) return [node];
    const [rows] = node.outputs;
    const readers = (this.consumers.get(rows) ?? []).filter(({ op_type }) => op_type !== 'Shape');
    const [next] = readers;
    const scaleOf = (reader: OnnxNode) => scaleInput(reader, rows) ?? 0;
    const partsOf = (reader: OnnxNode) => reader.inputs.slice(scaleOf(reader), scaleOf(reader) + 2).join();
    if (!next || !readers.every((reader) => scaleOf(reader) > 0 && partsOf(reader) === partsOf(next))) return [node];
    if (this.stored(next.inputs[scaleOf(next)])?.elements !== 1) return [node];
    const weight = this.dequantized(next, codes, scaleOf(next));
    const dequantizers = readers.filter(({ op_type }) => op_type === 'DequantizeLinear');
    for (const reader of dequantizers) this.dropped.add(reader);
    const same = dequantizers.map((each) => ({ ...each, op_type: 'Identity', inputs: [rows] }));
    return [{ ...node, inputs: [this.named(weight), node.inputs[1]] }, ...same];
  }

  private blocks(node: OnnxNode, from: BlockCodes): VirtualTensor {
    const { rows, columns, block, codes, scales, zeros, bits } = from;
    const { file } = this;
    const blocks = rows * Math.ceil(columns / block);
    const isBytes = codes.type.name === 'UINT8';
    if (from.padded && !isBytes) throw notRead(file, node, `has codes in ${codes.type.name}`, 'UINT8');
    checkSize(file, node, 'codes', codes, isBytes ? rows * codeRowBytes(from) : rows * columns);
    if (!isFloat(scales)) throw notRead(file, node, `has scales in ${scales.type.name}`, 'FLOAT or FLOAT16');
    checkSize(file, node, 'scales', scales, blocks);
    if (zeros) {
      const isPacked = zeros.type.name === 'UINT8';
      checkSize(file, node, 'zero points', zeros, isPacked ? rows * zeroRowBytes(from) : blocks);
    }
    if (!isBytes && bits !== 4) throw notRead(file, node, `has ${bits} bits`, '4');
    return blockTensor(this.nameOf(codes), from);
  }

  private bitsOf(node: OnnxNode): 2 | 4 | 8 {
    const bits = sizeAttribute(this.file, node, 'bits', 4);
    if (bits === 2 || bits === 4 || bits === 8) return bits;
    throw notRead(this.file, node, `has ${bits} bits`, '2, 4 or 8');
  }

  private made(codes: StoredTensor, make: () => VirtualTensor): VirtualTensor {
    const known = this.known.get(codes) ?? make();
    this.known.set(codes, known);
    return known;
  }

  /** The value by which nodes take it: its name, unless something else has it. */
  private named(weight: VirtualTensor): string {
    let name = weight.name;
    while ((this.initializers.get(name) ?? weight) !== weight || this.producers.has(name)) name = `${name}'`;
    this.initializers.set(name, weight);
    return name;
  }

  private nameOf({ name }: StoredTensor): string {
    return name.replace(SUFFIX, '').replace(/\.qweight$/, '.weight');
  }

  private constant(node: OnnxNode, input: number, part: string): StoredTensor {
    const found = this.stored(node.inputs[input]);
    if (found && !isVirtual(found)) return found;
    throw notRead(this.file, node, `computes its ${part} while the model runs`, `stored ${part}`);
  }

  private stored(value: string | undefined): StoredTensor | undefined {
    let at = value;
    for (let step = 0; at && step < MOST_STEPS; step++) {
      const tensor = this.initializer(at);
      if (tensor) return tensor;
      const node = this.producer(at);
      if (!node || !SAME_BYTES.has(node.op_type)) return undefined;
      at = node.inputs[0];
    }
    return undefined;
  }

  private initializer(name: string): StoredTensor | undefined {
    return this.initializers.get(name) ?? this.outer?.initializer(name);
  }

  private producer(name: string): OnnxNode | undefined {
    return this.producers.get(name) ?? this.outer?.producer(name);
  }
}
