/**
 * @file AWQ checkpoints in the GEMM layout, as AutoAWQ writes them: `qweight` (in, out/8), `qzeros` (groups, out/8), `scales`
 * (groups, out), 4 bits. Eight outputs share a word, in the order 0 2 4 6 1 3 5 7 from its lowest bits on.
 */
import { WhittleError } from '../../../errors/errors.ts';
import type { FloatType } from '../../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../../tensor/half.ts';
import { formatShape } from '../../../tensor/shape.ts';
import type { RowRange, TensorInfo } from '../../checkpoint.ts';
import type { IntegerRows } from '../../integers.ts';
import { checkShape, type DecodedWeight, type PartReader } from './decoded.ts';
import { FLOAT_TYPES, plainGroup } from './gptq.ts';

/** Where output i of eight lies. */
const NIBBLE = [0, 4, 1, 5, 2, 6, 3, 7];

export async function awqWeights(parts: PartReader, group_size: number): Promise<DecodedWeight[]> {
  return parts.modules('qweight').map((module) => awqWeight(parts, module, group_size));
}

function awqWeight(parts: PartReader, module: string, group_size: number): DecodedWeight {
  const first = `${module}.qweight`;
  refuseOtherKernels(parts, module);
  const qweight = parts.need(first, ['I32'], first);
  const scales = parts.need(`${module}.scales`, FLOAT_TYPES, first);
  const qzeros = parts.need(`${module}.qzeros`, ['I32'], first);
  const [columns] = qweight.shape;
  const [groups, rows = 0] = scales.shape;
  checkShape(qweight, [columns, rows / 8]);
  checkShape(qzeros, [groups, rows / 8]);
  const group = plainGroup(columns, groups, group_size, scales);
  const scale = scales.dtype === 'F16' ? 'F16' : 'F32';
  const read = (range: RowRange) => readRows(parts, { qweight, qzeros, scales }, range);
  return {
    name: `${module}.weight`,
    shape: [rows, columns],
    label: `int4${group === 'row' ? ' row' : ` g${group}`}`,
    parts: [qweight, qzeros, scales],
    integers: { bits: 4, group, zero: 'integer', scale, read },
  };
}

/**
 * Layouts for the kernels GEMV and GEMVFast, which llm-awq writes too: outputs come first, words may be of 16 bits, and zeros
 * may be multiplied by the scales. Told by the tensors, since llm-awq's config does not say it.
 */
function refuseOtherKernels(parts: PartReader, module: string): void {
  const [qweight, scales] = ['qweight', 'scales'].map((name) => parts.get(`${module}.${name}`));
  const odd = parts.get(`${module}.scaled_zeros`) ?? (qweight?.dtype === 'I16' ? qweight : undefined);
  const isOutputsFirst = qweight && scales && qweight.shape[0] === scales.shape[0];
  const found = odd ?? (isOutputsFirst ? scales : undefined);
  if (!found) return;
  throw new WhittleError({
    code: 'unsupported_dtype',
    message: `${found.name} ${formatShape(found.shape)} (${found.dtype}) is of AWQ's layout for GEMV kernels (as llm-awq writes it), which Whittle does not decode.`,
    place: { file: found.file, tensor: found.name },
    allowed: 'AWQ in the GEMM layout, as AutoAWQ writes it with version GEMM',
    action: 'Open an AWQ version of the model in the GEMM layout, the unquantised version, or a GGUF of it.',
  });
}

async function readRows(
  parts: PartReader,
  { qweight, qzeros, scales }: Record<'qweight' | 'qzeros' | 'scales', TensorInfo>,
  { start, end }: RowRange,
): Promise<IntegerRows> {
  const [columns] = qweight.shape;
  const [groups, all] = scales.shape;
  const rows = end - start;
  const words = await parts.words(qweight, end === all);
  const zero_words = new Int32Array((await parts.bytes(qzeros)).buffer);
  const factors = decodeToFloat32(await parts.bytes(scales), scales.dtype as FloatType);
  const code = (from: Int32Array, line: number, row: number) =>
    (from[line * (all / 8) + (row >> 3)] >>> (4 * NIBBLE[row & 7])) & 15;
  const codes = new Uint8Array(rows * columns);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) codes[row * columns + column] = code(words, column, start + row);
  }
  const at = (i: number) => [i % groups, start + Math.floor(i / groups)] as const;
  return {
    ...{ rows, columns, codes },
    scales: Float64Array.from({ length: rows * groups }, (_, i) => factors[at(i)[0] * all + at(i)[1]]),
    zeros: Float64Array.from({ length: rows * groups }, (_, i) => code(zero_words, ...at(i))),
  };
}
