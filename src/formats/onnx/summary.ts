/** @file Says in one sentence what an ONNX file holds: for refusals, so that a person knows what they dropped. */
import { formatShape } from '../../tensor/shape.ts';
import type { OnnxGraph, OnnxModel, OnnxValue } from './read_model.ts';

const MOST_OPERATORS = 6;
const MOST_VALUES = 4;

/** Operator (with its domain, unless that is ONNX itself) → how often, most frequent first; subgraphs included. */
export function operatorCounts(graph: OnnxGraph): Map<string, number> {
  const counts = new Map<string, number>();
  const visit = (part: OnnxGraph): void => {
    for (const { op_type, domain, subgraphs } of part.nodes) {
      const name = domain ? `${domain}.${op_type}` : op_type;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      subgraphs.forEach(visit);
    }
  };
  visit(graph);
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}

/** Producer, versions, operators, inputs, outputs, initialisers and their numbers. */
export function onnxSummary(model: OnnxModel): string {
  const { graph, producer_name, producer_version, opsets, ir_version } = model;
  const producer = producer_name ? ` from ${clean(`${producer_name} ${producer_version}`.trim())}` : '';
  const counts = [...operatorCounts(graph)];
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const operators = counts.slice(0, MOST_OPERATORS).map(([name, count]) => `${count} ${clean(name)}`);
  if (counts.length > MOST_OPERATORS) operators.push(`${counts.length - MOST_OPERATORS} more kinds`);
  const tensors = [...graph.initializers.values()];
  const parameters = tensors.reduce((sum, { elements }) => sum + elements, 0);
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  return [
    `ONNX${producer}, opset ${opsets.get('')}, IR ${ir_version}`,
    `${total} nodes (${operators.join(', ') || 'none'})`,
    `inputs ${values(inputs)}`,
    `outputs ${values(graph.outputs)}`,
    `${tensors.length} initialisers with ${parameters.toLocaleString('en')} numbers`,
  ].join('; ');
}

function values(list: readonly OnnxValue[]): string {
  const shown = list.slice(0, MOST_VALUES).map(({ name, type = 'no tensor', shape }) => {
    const size = shape ? ` ${clean(formatShape(shape as number[]))}` : '';
    return `${clean(name)} ${type}${size}`;
  });
  if (list.length > MOST_VALUES) shown.push(`${list.length - MOST_VALUES} more`);
  return shown.join(', ') || 'none';
}

/** Names come from a file of unknown origin. */
function clean(text: string): string {
  const plain = text.replace(/\p{C}/gu, '?');
  return plain.length > 60 ? `${plain.slice(0, 60)}…` : plain;
}
