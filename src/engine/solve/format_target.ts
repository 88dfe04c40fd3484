/** @file What a format holds of grouped integers, and in how many bytes: what the solver may choose from. */
import type { MixEntry } from '../../compress/options/mix.ts';
import type { SolveRequest } from '../../compress/solver/solve.ts';
import { WhittleError } from '../../errors/errors.ts';
import { blockSizeOf } from '../../export/packed/grouped_matrix.ts';
import { packedBytes as matMulNBitsBytes } from '../../export/quantize/packed_matrix.ts';
import { type Grouped, groupsOf } from '../../models/packed/packing.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import { type ExportFormat, isOnnxFormat } from '../export/options.ts';

/** MatMulNBits has 2, 4 and 8 bits; its scales are f32, so that larger groups pay. */
const ONNX_LINEARS: readonly MixEntry[] = [
  { bits: 2, group: 32 },
  { bits: 4, group: 128 },
  { bits: 4, group: 32 },
  { bits: 8, group: 'row' },
];

const ONNX_TABLES: readonly MixEntry[] = [
  { bits: 4, group: 32 },
  { bits: 8, group: 'row' },
];

export type FormatTarget = Pick<SolveRequest, 'linears' | 'tables' | 'bytesOf' | 'plainBytes'>;

/** Throws `bad_option` for a format whose files hold floats only. @param floatBytes Of one number that stays a float. */
export function formatTarget(format: ExportFormat, floatBytes: number): FormatTarget {
  if (!isOnnxFormat(format)) {
    throw new WhittleError({
      code: 'bad_option',
      message: `A target size was given for ${format}, whose files hold integers of no recipe yet.`,
      place: { field: 'format' },
      allowed: 'onnx, transformers.js',
      action: 'Name one of these first.',
    });
  }
  return {
    linears: ONNX_LINEARS,
    tables: ONNX_TABLES,
    bytesOf: (shape, packing) => onnxBytes(shape, packing, floatBytes),
    plainBytes: (elements) => floatBytes * elements,
  };
}

/** Bytes of a matrix (out, in) in an ONNX file: what `for_onnx.ts` writes of it. */
export function onnxBytes(shape: Shape, packing: Grouped, floatBytes: number): number {
  const [rows, columns] = shape;
  const block_size = blockSizeOf(packing, columns);
  if (block_size === undefined) return floatBytes * elementCount(shape);
  const bits = packing.bits === 3 ? 4 : packing.bits;
  const codes = matMulNBitsBytes({ rows, columns, bits, block_size, has_zero_points: packing.zero !== 'symmetric' });
  return packing.zero === 'minimum' ? codes + 2 * rows * groupsOf(packing, columns) : codes;
}
