/**
 * @file Operators that compute in codes throughout (ONNX Runtime's static quantisation as operators): what they are in floats, and where
 * their operands stand, each with its scale and zero point behind it. onnx/docs/Operators.md, onnxruntime/docs/ContribOperators.md.
 */
import type { OnnxNode } from '../read_model.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { notRead } from './faults.ts';
import { isFloat, readNumbers } from './numbers.ts';
import { type VirtualTensor, virtualTensor } from './virtual.ts';

interface FixedPoint {
  readonly op_type: string;
  readonly operands: readonly number[];
}

const OPERATORS: Readonly<Record<string, FixedPoint | undefined>> = {
  QLinearMatMul: { op_type: 'MatMul', operands: [0, 3] },
  QLinearAdd: { op_type: 'Add', operands: [0, 3] },
  QLinearMul: { op_type: 'Mul', operands: [0, 3] },
  QGemm: { op_type: 'Gemm', operands: [0, 3] },
};
/** Of QGemm: a bias in whole numbers, whose scale is that of the input times that of the weight. */
const GEMM_BIAS = 6;

export function fixedPoint({ op_type }: OnnxNode): FixedPoint | undefined {
  return OPERATORS[op_type];
}

/** Where the scale of a value stands that a node takes in codes; the zero point is behind it. */
export function scaleInput({ op_type, inputs }: OnnxNode, value: string): number | undefined {
  if (op_type === 'DequantizeLinear') return inputs[0] === value ? 1 : undefined;
  const at = OPERATORS[op_type]?.operands.find((operand) => inputs[operand] === value);
  return at === undefined ? undefined : at + 1;
}

/** The axis of a stored operand that its scales go along: outputs, which QGemm may have first. */
export function scaleAxis({ op_type, ints }: OnnxNode): number {
  return op_type === 'QGemm' && ints.get('transB')?.[0] ? 0 : 1;
}

/** The bias of a QGemm. */
export function biasInput({ op_type, inputs }: OnnxNode): string | undefined {
  return op_type === 'QGemm' ? inputs[GEMM_BIAS] || undefined : undefined;
}

/** Throws `unknown_architecture` where a part has another type than the operator's. */
export function biasTensor(
  file: string,
  node: OnnxNode,
  name: string,
  codes: StoredTensor,
  scales: readonly [input: StoredTensor, weight: StoredTensor],
): VirtualTensor {
  if (codes.type.name !== 'INT32') throw notRead(file, node, `adds a bias in ${codes.type.name}`, 'INT32');
  const odd = scales.find((part) => !isFloat(part) || (part.elements !== 1 && part.elements !== codes.elements));
  if (odd) throw notRead(file, node, `has ${odd.elements} scales of its bias in ${odd.type.name}`, 'one, or one each');
  return virtualTensor(name, codes.dims, [codes, ...scales], {
    label: 'int32',
    async rows({ start, end }, read) {
      const found = await readNumbers(codes, start, end - start, read);
      const [input, weight] = await Promise.all(scales.map((part) => readNumbers(part, 0, part.elements, read)));
      const at = (values: Float64Array, i: number) => values[values.length === 1 ? 0 : i];
      return new Float32Array(found.map((code, i) => code * at(input, start + i) * at(weight, start + i)));
    },
  });
}
