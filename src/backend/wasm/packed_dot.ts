/**
 * @file A row of inputs times rows of codes without decoding them, in WebAssembly. Inputs are 16-bit integers with a scale
 * for every block of 32, so that a block's sum is exact in i32: at most 32 · 255 · 32,767 < 2³¹. A weight is
 * scale · code + minimum; minimums meet the sum of the block's inputs.
 */
import {
  advance,
  I32,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { evenLanes, oddLanes } from './lanes.ts';
import {
  CONVERT_I32X4,
  codeWords,
  DOT_I16,
  eachBlock,
  groupParameters,
  I32X4_ADD,
  loadByteCodes,
  loadCodes,
  loadSplat,
  quadBlockBytes,
} from './packed_codes.ts';
import type { PackedForm } from './packed_layout.ts';
import { F32X4_ADD, F32X4_MUL } from './vector_exp.ts';

/** Sums of neighbouring lanes of two vectors. */
const pairSums = (a: number, b: number) => [
  ...[...localGet(a), ...localGet(b), ...evenLanes],
  ...[...localGet(a), ...localGet(b), ...oddLanes, ...I32X4_ADD],
];

/**
 * dot_quads(y, y_end, codes, scales, zeros, zero_bit, x, x_scales, x_sums, blocks, group): y[i] = x · row i, four at a time.
 * Addresses are in bytes; `group` blocks share a scale.
 */
export function dotQuads(form: PackedForm): WasmFunction {
  const [y, y_end, codes, scales, zeros, zero_bit, x, x_scales, x_sums, blocks, group] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ];
  const [b, end, x_at, scale_at, sum_at] = [11, 12, 13, 14, 15];
  const [scale, minimum, sum, codeVector, spare] = [16, 17, 18, 19, 20];
  const [input, rowSum] = [(i: number) => 21 + i, (row: number) => 25 + row];
  const { bits } = form;
  const four = (code: (i: number) => number[]) => [0, 1, 2, 3].flatMap(code);
  const word = (row: number, i: number) => (bits === 8 ? loadByteCodes(codes, row, i) : codeWords(bits, codeVector, i));
  const dot = (row: number) => [
    ...(bits === 8 ? [] : [...loadCodes(bits, codes, row, spare), ...localSet(codeVector)]),
    ...four((i) => [...word(row, i), ...localGet(input(i)), ...DOT_I16, ...(i > 0 ? I32X4_ADD : [])]),
    ...localSet(rowSum(row)),
  ];
  const block = [
    ...four((i) => [...localGet(x_at), ...v128Load(16 * i), ...localSet(input(i))]),
    ...four(dot),
    // The four lanes of each row are added, and the rows put side by side.
    ...[...pairSums(rowSum(0), rowSum(1)), ...localSet(rowSum(0))],
    ...[...pairSums(rowSum(2), rowSum(3)), ...localSet(rowSum(2))],
    ...[...localGet(sum), ...pairSums(rowSum(0), rowSum(2)), ...CONVERT_I32X4],
    ...[...localGet(scale), ...localGet(scale_at), ...loadSplat, ...F32X4_MUL, ...F32X4_MUL, ...F32X4_ADD],
    ...[...localGet(minimum), ...localGet(sum_at), ...loadSplat, ...F32X4_MUL, ...F32X4_ADD, ...localSet(sum)],
    ...advance(codes, i32Const(quadBlockBytes(form))),
    ...advance(x_at, i32Const(64)),
    ...advance(scale_at, i32Const(4)),
    ...advance(sum_at, i32Const(4)),
  ];
  const code = loopBelow(y, i32Const(16), y_end, [
    ...[...localGet(x), ...localSet(x_at), ...localGet(x_scales), ...localSet(scale_at)],
    ...[...localGet(x_sums), ...localSet(sum_at), ...v128Zero, ...localSet(sum)],
    ...eachBlock(
      { b, end, blocks, group, first: group },
      groupParameters(form, { scales, zeros, zero_bit }, { scale, minimum }),
      block,
    ),
    ...[...localGet(y), ...localGet(sum), ...v128Store()],
  ]);
  const locals: WasmFunction['locals'] = [
    [5, I32],
    [13, V128],
  ];
  return { name: 'dot_quads', parameters: 11, locals, code };
}
