/** @file Which ONNX Runtime a file asks for. Found by running files of each kind in each version (docs/compatibility.md). */
import type { OnnxGraph } from '../formats/onnx/read_model.ts';

/** Older ones were not tried. */
const OLDEST_TRIED = '1.20';

/** MatMulNBits of so many bits came with these. */
const OLDEST_OF_BITS: ReadonlyMap<number, string> = new Map([
  [8, '1.23'],
  [2, '1.24'],
]);

/** The oldest ONNX Runtime that runs a graph of Whittle's, "1.20". */
export function oldestRuntime({ nodes }: Pick<OnnxGraph, 'nodes'>): string {
  const versions = nodes
    .filter(({ op_type }) => op_type === 'MatMulNBits')
    .map(({ ints }) => OLDEST_OF_BITS.get(ints.get('bits')?.[0] ?? 4) ?? OLDEST_TRIED);
  return [OLDEST_TRIED, ...versions].sort().at(-1) as string;
}
