/**
 * @file Codes of a quad to floats, in WebAssembly, right into the panel that a product of many rows reads
 * (`linalg/tile_kernel.ts`): what four rows have at one input lies side by side there, so words are transposed as long as
 * there are four codes in each.
 */
import { type TileWidth, tileColumns } from '../linalg/tile_kernel.ts';
import {
  advance,
  I32,
  i32Const,
  localGet,
  localSet,
  simd,
  V128,
  v128Store,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { interleaved } from './lanes.ts';
import {
  CONVERT_I32X4,
  codeWords,
  eachBlock,
  groupParameters,
  loadByteCodes,
  loadCodes,
  quadBlockBytes,
} from './packed_codes.ts';
import { BLOCK, type PackedForm } from './packed_layout.ts';
import { F32X4_ADD, F32X4_MUL } from './vector_exp.ts';

/** Unsigned i16 to i32x4: the low half and the high one. */
const HALVES = [simd(0xa9), simd(0xaa)];

/** From one input to the next in a panel. */
export const PANEL_STEP_BYTES = { narrow: 4 * tileColumns('f32', 'narrow'), wide: 4 * tileColumns('f32', 'wide') };

/**
 * Of four rows' words: words 2t and 2t + 1 of all rows, t = 0 … 3, into the first, third, second and fourth of `rows`.
 * @param pairs Locals to spend, four.
 */
function transposed(rows: readonly number[], pairs: readonly number[]): number[] {
  const both = (a: number, b: number, half: 0 | 1, bytes: number, to: number) => [
    ...[...localGet(a), ...localGet(b), ...interleaved(half, bytes), ...localSet(to)],
  ];
  const [r0, r1, r2, r3] = rows;
  const [p0, p1, p2, p3] = pairs;
  return [
    ...[...both(r0, r1, 0, 2, p0), ...both(r0, r1, 1, 2, p1), ...both(r2, r3, 0, 2, p2), ...both(r2, r3, 1, 2, p3)],
    ...[...both(p0, p2, 0, 4, r0), ...both(p0, p2, 1, 4, r1), ...both(p1, p3, 0, 4, r2), ...both(p1, p3, 1, 4, r3)],
  ];
}

/**
 * unpack_quad(out, codes, scales, zeros, zero_bit, blocks, group, first): four columns of a panel, from `out` on, 32 · blocks
 * inputs of them. Addresses are in bytes; the first group ends after `first` blocks. `unpack_quad_wide` for panels of wide tiles.
 */
export function unpackQuad(form: PackedForm, tiles: TileWidth): WasmFunction {
  const step_bytes = PANEL_STEP_BYTES[tiles];
  const [out, codes, scales, zeros, zero_bit, blocks, group, first] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [b, end] = [8, 9];
  const [scale, minimum, words] = [10, 11, 12];
  const rows = [13, 14, 15, 16];
  const pairs = [17, 18, 19, 20];
  const { bits } = form;
  /** Of words `code` leaves: the first four are the rows' at input p, the others at input p + apart. */
  const store = (code: number[], p: number, apart: number) => [
    ...[...code, ...localSet(words)],
    ...HALVES.flatMap((half, i) => [
      ...[...localGet(out), ...localGet(words), ...half, ...CONVERT_I32X4, ...localGet(scale), ...F32X4_MUL],
      ...[...localGet(minimum), ...F32X4_ADD, ...v128Store(step_bytes * (p + i * apart))],
    ]),
  ];
  const each = (code: (i: number) => number[]) => [0, 1, 2, 3].flatMap(code);
  const codesOfBlock =
    bits === 8
      ? each((i) => [
          ...rows.flatMap((local, row) => [...loadByteCodes(codes, row, i), ...localSet(local)]),
          ...transposed(rows, pairs),
          ...rows.flatMap((local, t) => store(localGet(local), 8 * i + 2 * t, 1)),
        ])
      : [
          ...rows.flatMap((local, row) => [...loadCodes(bits, codes, row, words), ...localSet(local)]),
          ...transposed(rows, pairs),
          ...rows.flatMap((local, t) => each((i) => store(codeWords(bits, local, i), 8 * t + i, 4))),
        ];
  const block = [
    ...codesOfBlock,
    ...advance(codes, i32Const(quadBlockBytes(form))),
    ...advance(out, i32Const(BLOCK * step_bytes)),
  ];
  const code = eachBlock(
    { b, end, blocks, group, first },
    groupParameters(form, { scales, zeros, zero_bit }, { scale, minimum }),
    block,
  );
  const locals: WasmFunction['locals'] = [
    [2, I32],
    [11, V128],
  ];
  return { name: tiles === 'wide' ? 'unpack_quad_wide' : 'unpack_quad', parameters: 8, locals, code };
}
