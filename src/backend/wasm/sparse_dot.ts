/**
 * @file A row of inputs times rows with two of every four inputs stored, in WebAssembly: of each four inputs, which lie in a
 * vector, a swizzle picks what the values of four rows meet.
 */
import {
  advance,
  I32,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { halves } from './packed_codes.ts';
import { fourBytes, PLACE_BYTES, type SparseLayout } from './sparse_layout.ts';
import { F32X4_ADD, F32X4_MUL } from './vector_exp.ts';

const I32_SHL = 0x74;
const loadByte = (offset: number) => [0x2d, 0, offset];
const SWIZZLE = simd(0x0e);

/** dot_sparse(y, y_end, values, places, x, x_end, table): see `sparse_kernel.ts`. */
export function dotSparse(floats: SparseLayout['floats']): WasmFunction {
  const [y, y_end, values, places, x, x_end, table, x_at] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [input, first, second] = [8, 9, 10];
  const each = fourBytes(floats) / 2;
  const half = (i: number, sum: number) => [
    ...localGet(sum),
    ...(floats === 'F16' ? halves(values, i * each) : [...localGet(values), ...v128Load(i * each)]),
    ...[...localGet(input), ...localGet(places), ...loadByte(i), ...i32Const(4), I32_SHL, ...localGet(table), I32_ADD],
    ...[...v128Load(), ...SWIZZLE, ...F32X4_MUL, ...F32X4_ADD, ...localSet(sum)],
  ];
  const code = loopBelow(y, i32Const(16), y_end, [
    ...[...localGet(x), ...localSet(x_at), ...v128Zero, ...localSet(first), ...v128Zero, ...localSet(second)],
    ...loopBelow(x_at, i32Const(16), x_end, [
      ...[...localGet(x_at), ...v128Load(), ...localSet(input)],
      ...[...half(0, first), ...half(1, second)],
      ...advance(values, i32Const(fourBytes(floats))),
      ...advance(places, i32Const(PLACE_BYTES)),
    ]),
    ...[...localGet(y), ...localGet(first), ...localGet(second), ...F32X4_ADD, ...v128Store()],
  ]);
  const locals: WasmFunction['locals'] = [
    [1, I32],
    [3, V128],
  ];
  return { name: 'dot_sparse', parameters: 7, locals, code };
}
