/**
 * @file The vector loops of the tridiagonal reduction in WebAssembly, two f64 lanes at a time: four rows of a symmetric
 * product, two scalar products, and the sum of two scaled vectors. All addresses are in bytes, counts in bytes too.
 */
import { F64X2_ADD, F64X2_MUL, folded, loadSplat, lowThenHigh } from './f64_lanes.ts';
import {
  advance,
  assemble,
  F64,
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
} from './wasm_module.ts';

export interface VectorKernel {
  /**
   * The share of rows i … i + 4·k − 1 of a symmetric matrix, of their columns up to the diagonal, in product = A·v.
   * @param row Of a[i][0]. @param row_bytes From one row to the next. @param column_bytes 8·i, even i.
   * @param end_bytes 8·(i + 4·k), k at least 1.
   */
  symmetric_range(
    row: number,
    row_bytes: number,
    column_bytes: number,
    end_bytes: number,
    v: number,
    product: number,
  ): void;
  /** y −= Σ w[i]·v + v[i]·w over pairs of rows v and w, `step` bytes from one to the next, from addresses v on while it is below `v_end`. */
  correct_row(
    y: number,
    v: number,
    w: number,
    step: number,
    v_end: number,
    bytes: number,
    column_bytes: number,
    scratch: number,
  ): void;
  /** y −= Σ (w·x)·v + (v·x)·w over the same. @param scratch Of all these: a pair of numbers. */
  correct_product(
    y: number,
    x: number,
    v: number,
    w: number,
    step: number,
    v_end: number,
    bytes: number,
    scratch: number,
  ): void;
  /** result ← (x·a, x·b). */
  dot_pair(x: number, a: number, b: number, bytes: number, result: number): void;
  /** y += c₀·a + c₁·b, with (c₀, c₁) at `coefficients`. */
  add_pair(y: number, a: number, b: number, bytes: number, coefficients: number): void;
}

/** Functions that others call, in the order of the module. */
const [SYMMETRIC_ROWS, DOT_PAIR, ADD_PAIR] = [0, 1, 2];
const call = (index: number) => [0x10, index];
/** Runs `code` where the value on the stack is not zero. */
const where = (code: readonly number[]) => [0x04, 0x40, ...code, 0x0b];
const f64Load = (offset = 0) => [0x2b, 3, offset];
const f64Store = (offset = 0) => [0x39, 3, offset];
const [F64_NEG, F64_ADD, F64_MUL] = [0x9a, 0xa0, 0xa2];
const F64X2_NEG = simd(0xed);

/**
 * The share of rows i … i + 3 of a symmetric matrix, of their columns below i, in product = A·v:
 * product[j] += Σ_r a[i + r][j]·v[i + r] and product[i + r] += Σ_j a[i + r][j]·v[j]. At least two columns.
 */
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

function symmetricRange(): WasmFunction {
  const [row, row_bytes, column, end, v, product, at, x, y, sum, element] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const sumOf = (base: number, offset: number, factor: number) => [
    ...[...localGet(base), ...localGet(base), ...f64Load(offset)],
    ...[...localGet(element), ...localGet(x), ...f64Load(factor), F64_MUL, F64_ADD, ...f64Store(offset)],
  ];
  /** Of row i + r: its columns from i up to the diagonal, as the rows before them are not the matrix's. */
  const corner = (r: number) => [
    ...[...localGet(at), ...f64Load(8 * r), ...localGet(x), ...f64Load(8 * r), F64_MUL, ...localSet(sum)],
    ...Array.from({ length: r }, (_, j) => [
      ...[...localGet(at), ...f64Load(8 * j), ...localSet(element)],
      ...[...localGet(sum), ...localGet(element), ...localGet(x), ...f64Load(8 * j), F64_MUL, F64_ADD],
      ...[...localSet(sum), ...sumOf(y, 8 * j, 8 * r)],
    ]).flat(),
    ...[...localGet(y), ...localGet(y), ...f64Load(8 * r), ...localGet(sum), F64_ADD, ...f64Store(8 * r)],
    ...advance(at, localGet(row_bytes)),
  ];
  const code = loopBelow(column, i32Const(32), end, [
    ...localGet(column),
    ...where([row, row_bytes, column, v, product].flatMap(localGet).concat(call(SYMMETRIC_ROWS))),
    ...[...localGet(row), ...localGet(column), I32_ADD, ...localSet(at)],
    ...[...localGet(v), ...localGet(column), I32_ADD, ...localSet(x)],
    ...[...localGet(product), ...localGet(column), I32_ADD, ...localSet(y)],
    ...[0, 1, 2, 3].flatMap((r) => [...corner(r), ...advance(row, localGet(row_bytes))]),
  ]);
  const locals: WasmFunction['locals'] = [
    [3, I32],
    [2, F64],
  ];
  return { name: 'symmetric_range', parameters: 6, locals, code };
}

function correctRow(): WasmFunction {
  const [y, v, w, step, v_end, bytes, column, scratch] = [0, 1, 2, 3, 4, 5, 6, 7];
  const coefficient = (base: number, offset: number) => [
    ...[...localGet(scratch), ...localGet(base), ...localGet(column), I32_ADD, ...f64Load(), F64_NEG],
    ...f64Store(offset),
  ];
  const code = loopBelow(v, localGet(step), v_end, [
    ...[...coefficient(w, 0), ...coefficient(v, 8)],
    ...[y, v, w, bytes, scratch].flatMap(localGet),
    ...[...call(ADD_PAIR), ...advance(w, localGet(step))],
  ]);
  return { name: 'correct_row', parameters: 8, locals: [], code };
}

function correctProduct(): WasmFunction {
  const [y, x, v, w, step, v_end, bytes, scratch] = [0, 1, 2, 3, 4, 5, 6, 7];
  const code = loopBelow(v, localGet(step), v_end, [
    ...[x, w, v, bytes, scratch].flatMap(localGet),
    ...call(DOT_PAIR),
    ...[...localGet(scratch), ...localGet(scratch), ...v128Load(), ...F64X2_NEG, ...v128Store()],
    ...[y, v, w, bytes, scratch].flatMap(localGet),
    ...[...call(ADD_PAIR), ...advance(w, localGet(step))],
  ]);
  return { name: 'correct_product', parameters: 8, locals: [], code };
}

export function createVectorKernel(memory: WebAssembly.Memory): VectorKernel {
  const functions = [symmetricRows(), dotPair(), addPair(), symmetricRange(), correctRow(), correctProduct()];
  const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as VectorKernel;
}
