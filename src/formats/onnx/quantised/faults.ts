/** @file What is said of a quantising operator that is not as its definition has it, or not read. */
import { WhittleError } from '../../../errors/errors.ts';
import { formatShape } from '../../../tensor/shape.ts';
import { quoteText } from '../../json.ts';
import type { OnnxNode } from '../read_model.ts';
import { bad, type StoredTensor } from '../read_tensor.ts';

const ACTION = 'Open the file with float weights, often model.onnx or model_fp16.onnx, or the safetensors version.';

function titleOf({ op_type, name, outputs }: OnnxNode): string {
  return `${op_type} ${quoteText(name || outputs[0] || '')}`;
}

/** A form of the operator that is not decoded. */
export function notRead(file: string, node: OnnxNode, what: string, allowed: string): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message: `${titleOf(node)} ${what}, which Whittle does not decode.`,
    place: { file, field: node.op_type },
    allowed,
    action: ACTION,
  });
}

/** A part whose size is not what the operator's attributes call for. */
export function checkSize(file: string, node: OnnxNode, part: string, tensor: StoredTensor, elements: number): void {
  if (tensor.elements === elements) return;
  const found = `${titleOf(node)}: its ${part}, ${quoteText(tensor.name)}, has the shape ${formatShape(tensor.dims)}.`;
  throw bad(file, found, { tensor: tensor.name }, `${elements} elements, as the node's attributes call for`);
}

export function attribute(file: string, node: OnnxNode, name: string, fallback?: number): number {
  const value = node.ints.get(name)?.[0] ?? fallback;
  if (value !== undefined && Number.isSafeInteger(value)) return value;
  throw bad(file, `${titleOf(node)} has no ${name}.`, { field: name }, 'a whole number');
}

/** A positive one. */
export function sizeAttribute(file: string, node: OnnxNode, name: string, fallback?: number): number {
  const value = attribute(file, node, name, fallback);
  if (value > 0) return value;
  throw bad(file, `${titleOf(node)} has the ${name} ${value}.`, { field: name }, 'a whole number above 0');
}
