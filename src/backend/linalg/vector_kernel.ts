/**
 * @file The vector loops of the tridiagonal reduction in WebAssembly, two f64 lanes at a time: four rows of a symmetric
 * product, two scalar products, and the sum of two scaled vectors. All addresses are in bytes, counts in bytes too.
 */
import { F64X2_ADD, F64X2_MUL, folded, loadSplat, lowThenHigh } from './f64_lanes.ts';
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
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from './wasm_module.ts';

export interface VectorKernel {
  /**
   * The share of rows i … i + 3 of a symmetric matrix, of their columns below i, in product = A·v:
   * product[j] += Σ_r a[i + r][j]·v[i + r] and product[i + r] += Σ_j a[i + r][j]·v[j]. At least two columns.
   * @param row Of a[i][0]. @param row_bytes From one row to the next. @param column_bytes 8·i, even i.
   */
  symmetric_rows(row: number, row_bytes: number, column_bytes: number, v: number, product: number): void;
  /** result ← (x·a, x·b). */
  dot_pair(x: number, a: number, b: number, bytes: number, result: number): void;
  /** y += c₀·a + c₁·b, with (c₀, c₁) at `coefficients`. */
  add_pair(y: number, a: number, b: number, bytes: number, coefficients: number): void;
}

function symmetricRows(): WasmFunction {
  const [row, row_bytes, bytes, v, product, at, j] = [0, 1, 2, 3, 4, 5, 6];
  const weight = (r: number) => 7 + r; // v[i + r] in both lanes
  const sum = (r: number) => 11 + r;
  const [x, a, p] = [15, 16, 17];
  const rows = (code: (r: number) => number[]) => [0, 1, 2, 3].flatMap(code);
  const own = (base: number) => [...localGet(base), ...localGet(bytes), I32_ADD];
  /** product[i + r], product[i + r + 1] += the lanes' sums of two rows. */
  const finish = (r: number) => [
    ...[...own(product), ...own(product), ...v128Load(8 * r)],
    ...[...folded(sum(r)), ...folded(sum(r + 1)), ...lowThenHigh, ...F64X2_ADD, ...v128Store(8 * r)],
  ];
  const code = [
    ...rows((r) => [...own(v), ...loadSplat(8 * r), ...localSet(weight(r)), ...v128Zero, ...localSet(sum(r))]),
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(16), bytes, [
      ...[...localGet(v), ...localGet(j), I32_ADD, ...v128Load(), ...localSet(x)],
      ...[...localGet(product), ...localGet(j), I32_ADD, ...v128Load(), ...localSet(p)],
      ...[...localGet(row), ...localGet(j), I32_ADD, ...localSet(at)],
      ...rows((r) => [
        ...[...localGet(at), ...v128Load(), ...localSet(a)],
        ...[...localGet(sum(r)), ...localGet(a), ...localGet(x), ...F64X2_MUL, ...F64X2_ADD, ...localSet(sum(r))],
        ...[...localGet(p), ...localGet(a), ...localGet(weight(r)), ...F64X2_MUL, ...F64X2_ADD, ...localSet(p)],
        ...(r < 3 ? advance(at, localGet(row_bytes)) : []),
      ]),
      ...[...localGet(product), ...localGet(j), I32_ADD, ...localGet(p), ...v128Store()],
    ]),
    ...finish(0),
    ...finish(2),
  ];
  return {
    name: 'symmetric_rows',
    parameters: 5,
    locals: [
      [2, I32],
      [11, V128],
    ],
    code,
  };
}

function dotPair(): WasmFunction {
  const [x, a, b, bytes, result, j, sum_a, sum_b, value] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const accumulate = (sum: number, base: number) => [
    ...[...localGet(sum), ...localGet(value), ...localGet(base), ...localGet(j), I32_ADD, ...v128Load()],
    ...[...F64X2_MUL, ...F64X2_ADD, ...localSet(sum)],
  ];
  const code = [
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(16), bytes, [
      ...[...localGet(x), ...localGet(j), I32_ADD, ...v128Load(), ...localSet(value)],
      ...accumulate(sum_a, a),
      ...accumulate(sum_b, b),
    ]),
    ...[...localGet(result), ...folded(sum_a), ...folded(sum_b), ...lowThenHigh, ...v128Store()],
  ];
  return {
    name: 'dot_pair',
    parameters: 5,
    locals: [
      [1, I32],
      [3, V128],
    ],
    code,
  };
}

function addPair(): WasmFunction {
  const [y, a, b, bytes, coefficients, j, first, second] = [0, 1, 2, 3, 4, 5, 6, 7];
  const scaled = (factor: number, base: number) => [
    ...[...localGet(factor), ...localGet(base), ...localGet(j), I32_ADD, ...v128Load()],
    ...[...F64X2_MUL, ...F64X2_ADD],
  ];
  const code = [
    ...[...localGet(coefficients), ...loadSplat(0), ...localSet(first)],
    ...[...localGet(coefficients), ...loadSplat(8), ...localSet(second)],
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(16), bytes, [
      ...[...localGet(y), ...localGet(j), I32_ADD],
      ...[...localGet(y), ...localGet(j), I32_ADD, ...v128Load()],
      ...scaled(first, a),
      ...scaled(second, b),
      ...v128Store(),
    ]),
  ];
  return {
    name: 'add_pair',
    parameters: 5,
    locals: [
      [1, I32],
      [2, V128],
    ],
    code,
  };
}

export function createVectorKernel(memory: WebAssembly.Memory): VectorKernel {
  const module = new WebAssembly.Module(assemble([symmetricRows(), dotPair(), addPair()], memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as VectorKernel;
}
