/**
 * @file Rows with two of every four inputs stored to floats with their zeros, in WebAssembly, right into the panel that a
 * product of many rows reads: what four rows have at one input lies side by side there, as it does where they are stored.
 */
import type { TileWidth } from '../linalg/tile_kernel.ts';
import {
  advance,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  simd,
  V128,
  v128Load,
  v128Store,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { AND, halves, I32X4_MUL, I32X4_SHR_U, I32X4_SPLAT, longs } from './packed_codes.ts';
import { PANEL_STEP_BYTES } from './packed_panel.ts';
import { fourBytes, PLACE_BYTES, type SparseLayout } from './sparse_layout.ts';

const loadByte = (offset: number) => [0x2d, 0, offset];
const I32X4_EQ = simd(0x37);
const OR = simd(0x50);

/** unpack_sparse(out, out_end, values, places), or `unpack_sparse_wide` for panels of wide tiles: see `sparse_kernel.ts`. */
export function unpackSparse(floats: SparseLayout['floats'], tiles: TileWidth): WasmFunction {
  const step_bytes = PANEL_STEP_BYTES[tiles];
  const [out, out_end, values, places] = [0, 1, 2, 3];
  const [value, place] = [(i: number) => 4 + i, (i: number) => 6 + i];
  const each = fourBytes(floats) / 2;
  const both = (code: (i: number) => number[]) => [0, 1].flatMap(code);
  const body = [
    ...both((i) => [
      ...(floats === 'F16' ? halves(values, i * each) : [...localGet(values), ...v128Load(i * each)]),
      ...localSet(value(i)),
      // Each row's place is moved to the highest bits by a product of its own, then all of them down.
      ...[
        ...localGet(places),
        ...loadByte(i),
        ...I32X4_SPLAT,
        ...longs(2 ** 30, 2 ** 28, 2 ** 26, 2 ** 24),
        ...I32X4_MUL,
      ],
      ...[...i32Const(30), ...I32X4_SHR_U, ...localSet(place(i))],
    ]),
    ...[0, 1, 2, 3].flatMap((input) => [
      ...localGet(out),
      ...both((i) => [...localGet(value(i)), ...localGet(place(i)), ...longs(input), ...I32X4_EQ, ...AND]),
      ...[...OR, ...v128Store(step_bytes * input)],
    ]),
    ...advance(values, i32Const(fourBytes(floats))),
    ...advance(places, i32Const(PLACE_BYTES)),
  ];
  const code = loopBelow(out, i32Const(4 * step_bytes), out_end, body);
  return { name: tiles === 'wide' ? 'unpack_sparse_wide' : 'unpack_sparse', parameters: 4, locals: [[4, V128]], code };
}
