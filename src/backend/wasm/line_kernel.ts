/**
 * @file One row of inputs times rows of a float matrix, in WebAssembly: each weight is read once, where it lies. Packing it
 * into panels first, as products of many rows do, would cost more than such a product itself.
 */
import { hasFusedMultiplyAdd } from '../linalg/tile_kernel.ts';
import {
  advance,
  assemble,
  I32,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  memoryKind,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { evenLanes, oddLanes } from './lanes.ts';
import { F32X4_ADD, F32X4_MUL } from './vector_exp.ts';

const FUSED = simd(0x105);

export interface LineKernel {
  /**
   * y[i] = x · line i, from address y on while it is below `y_end`, four at a time. Lines are `step` bytes apart.
   * @param bytes Of a line: whole vectors.
   */
  dot_lines(y: number, y_end: number, lines: number, step: number, x: number, bytes: number): void;
}

function dotLines(isFused: boolean): WasmFunction {
  const [y, y_end, lines, step, x, bytes, j] = [0, 1, 2, 3, 4, 5, 6];
  const line = (r: number) => 7 + r;
  const input = 11;
  const sum = (r: number) => 12 + r;
  const four = (code: (r: number) => number[]) => [0, 1, 2, 3].flatMap(code);
  const at = (base: number) => [...localGet(base), ...localGet(j), I32_ADD, ...v128Load()];
  const multiplyAdd = (r: number) =>
    isFused
      ? [...localGet(input), ...at(line(r)), ...localGet(sum(r)), ...FUSED]
      : [...localGet(sum(r)), ...localGet(input), ...at(line(r)), ...F32X4_MUL, ...F32X4_ADD];
  const pair = (a: number, b: number) => [
    ...[...localGet(a), ...localGet(b), ...evenLanes],
    ...[...localGet(a), ...localGet(b), ...oddLanes, ...F32X4_ADD],
  ];
  const code = loopBelow(y, i32Const(16), y_end, [
    ...four((r) => [
      ...[...localGet(lines), ...localSet(line(r)), ...advance(lines, localGet(step))],
      ...[...v128Zero, ...localSet(sum(r))],
    ]),
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(16), bytes, [
      ...[...at(x), ...localSet(input)],
      ...four((r) => [...multiplyAdd(r), ...localSet(sum(r))]),
    ]),
    ...[...pair(sum(0), sum(1)), ...localSet(sum(0)), ...pair(sum(2), sum(3)), ...localSet(sum(2))],
    ...[...localGet(y), ...pair(sum(0), sum(2)), ...v128Store()],
  ]);
  const locals: WasmFunction['locals'] = [
    [5, I32],
    [5, V128],
  ];
  return { name: 'dot_lines', parameters: 6, locals, code };
}

export function createLineKernel(memory: WebAssembly.Memory): LineKernel {
  const bytes = assemble([dotLines(hasFusedMultiplyAdd('f32'))], memoryKind(memory));
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory } }).exports as unknown as LineKernel;
}
