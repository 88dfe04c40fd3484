/** @file What a format holds of packed weights, and in how many bytes: what the solver may choose from. */
import { ggufPalette } from '../../compress/gguf/palette.ts';
import type { PassContext } from '../../compress/method.ts';
import type { MixEntry } from '../../compress/options/mix.ts';
import { integerPalette } from '../../compress/solver/integers.ts';
import type { SolveRequest } from '../../compress/solver/solve.ts';
import { WhittleError } from '../../errors/errors.ts';
import { ggufRefusal, ggufTiedCopies, refused } from '../../export/gguf/write_gguf.ts';
import { blockSizeOf } from '../../export/packed/grouped_matrix.ts';
import { packedBytes as matMulNBitsBytes } from '../../export/quantize/packed_matrix.ts';
import type { OpenModel } from '../../models/open_model.ts';
import { type Grouped, groupsOf, packedBytes } from '../../models/packed/packing.ts';
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

export type FormatTarget = Pick<SolveRequest, 'palette' | 'bytesOf' | 'plainBytes' | 'tied_copies'>;

/**
 * Throws `bad_option` for a format whose files hold floats only, or that cannot hold the model.
 * @param floatBytes Of one number that stays a float.
 * @param importance From a file, in place of the calibration text's.
 */
export function formatTarget(
  format: ExportFormat,
  { model, raw_config }: Pick<OpenModel, 'model' | 'raw_config'>,
  floatBytes: number,
  importance?: PassContext['importance'],
): FormatTarget {
  if (isOnnxFormat(format)) {
    return {
      palette: integerPalette(ONNX_LINEARS, ONNX_TABLES),
      bytesOf: (shape, packing) => onnxBytes(shape, packing as Grouped, floatBytes),
      plainBytes: (shape) => floatBytes * elementCount(shape),
    };
  }
  if (format === 'gguf') {
    const reason = ggufRefusal(model, raw_config);
    if (reason !== undefined) throw refused(reason);
    return {
      palette: ggufPalette(model, importance),
      bytesOf: packedBytes,
      // llama.cpp wants vectors in F32.
      plainBytes: (shape) => (shape.length === 1 ? 4 : floatBytes) * elementCount(shape),
      tied_copies: ggufTiedCopies(model),
    };
  }
  throw new WhittleError({
    code: 'bad_option',
    message: `A target size was given for ${format}, whose files hold integers of no recipe yet.`,
    place: { field: 'format' },
    allowed: 'onnx, transformers.js, gguf',
    action: 'Name one of these first.',
  });
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
