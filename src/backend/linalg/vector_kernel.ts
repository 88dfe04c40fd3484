/**
 * @file The vector loops of the tridiagonal reduction in WebAssembly, two vectors of two f64 lanes at a time: four rows of a symmetric
 * product, two scalar products, and the sum of two scaled vectors. All addresses are in bytes, counts in bytes too.
 */
import { F64X2_ADD, F64X2_MUL, loadSplat } from './f64_lanes.ts';
import { type ReflectorKernel, reflectorFunctions } from './reflector_kernel.ts';
import { type TurnKernel, turnFunctions } from './turn_kernel.ts';
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
  MEMORY_COPY,
  MEMORY_FILL,
  memoryKind,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from './wasm_module.ts';

/** Numbers that a kernel puts down meanwhile. */
export const KERNEL_SCRATCH = 16;

export interface VectorKernel extends TurnKernel, ReflectorKernel {
  /**
   * The share of rows i … i + 4·k − 1 of a symmetric matrix, of their columns up to the diagonal, in product = A·v.
   * @param row Of a[i][0]. @param row_bytes From one row to the next. @param column_bytes 8·i, i a multiple of 4.
   * @param end_bytes 8·(i + 4·k), k at least 1. @param scratch Of {@link KERNEL_SCRATCH} numbers.
   */
  symmetric_range(
    row: number,
    row_bytes: number,
    column_bytes: number,
    end_bytes: number,
    v: number,
    product: number,
    scratch: number,
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
  /** y −= Σ (w·x)·v + (v·x)·w over the same. @param scratch Of {@link KERNEL_SCRATCH} numbers. */
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
  /** result ← (x·a, x·b), and then what was summed: {@link KERNEL_SCRATCH} numbers. */
  dot_pair(x: number, a: number, b: number, bytes: number, result: number): void;
  /** y += c₀·a + c₁·b, with (c₀, c₁) at `coefficients`. */
  add_pair(y: number, a: number, b: number, bytes: number, coefficients: number): void;
  /** So many bytes, which may lie anywhere: JavaScript copies and fills shared memory word by word. */
  copy(target: number, source: number, bytes: number): void;
  zero(target: number, bytes: number): void;
}

/** Functions that others call, in the order of the module. */
const [SYMMETRIC_ROWS, DOT_PAIR, ADD_PAIR] = [0, 1, 2];
const call = (index: number) => [0x10, index];
/** Runs `code` where the value on the stack is not zero. */
const where = (code: readonly number[]) => [0x04, 0x40, ...code, 0x0b];
const f64Load = (offset = 0) => [0x2b, 3, offset];
const f64Store = (offset = 0) => [0x39, 3, offset];
const [F64_NEG, F64_ADD, F64_MUL, I32_LT_U, I32_AND] = [0x9a, 0xa0, 0xa2, 0x49, 0x71];
const F64X2_NEG = simd(0xed);
const F64X2_MADD = simd(0x107);

/** Two vectors side by side, which engines that join pairs of them take as one: `code` for either half. */
const halves = (code: (half: number) => number[]) => [0, 1].flatMap(code);
const PAIR_BYTES = 32;

/**
 * The share of rows i … i + 3 of a symmetric matrix, of their columns below i, in product = A·v:
 * product[j] += Σ_r a[i + r][j]·v[i + r] and product[i + r] += Σ_j a[i + r][j]·v[j]. At least four columns, and whole fours.
 */
function symmetricRows(multiplyAdded: MultiplyAdded): WasmFunction {
  const [row, row_bytes, bytes, v, product, scratch, at, j, x_at, p_at] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const weight = 10; // v[i + r] in both lanes
  const sum = (r: number, half: number) => 11 + 2 * r + half;
  const [x, a, p] = [19, 21, 23]; // two each
  const rows = (code: (r: number) => number[]) => [0, 1, 2, 3].flatMap(code);
  const own = (base: number) => [...localGet(base), ...localGet(bytes), I32_ADD];
  const lane = (r: number, index: number) => [...localGet(scratch), ...f64Load(PAIR_BYTES * r + 8 * index)];
  const code = [
    ...rows((r) => halves((half) => [...v128Zero, ...localSet(sum(r, half))])),
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(PAIR_BYTES), bytes, [
      ...[...placeAt(v, j, x_at), ...placeAt(product, j, p_at), ...placeAt(row, j, at)],
      ...halves((half) => [...localGet(x_at), ...v128Load(16 * half), ...localSet(x + half)]),
      ...halves((half) => [...localGet(p_at), ...v128Load(16 * half), ...localSet(p + half)]),
      ...rows((r) => [
        ...halves((half) => [...localGet(at), ...v128Load(16 * half), ...localSet(a + half)]),
        ...halves((half) => multiplyAdded(sum(r, half), a + half, x + half)),
        ...[...own(v), ...loadSplat(8 * r), ...localSet(weight)],
        ...halves((half) => multiplyAdded(p + half, a + half, weight)),
        ...(r < 3 ? advance(at, localGet(row_bytes)) : []),
      ]),
      ...halves((half) => [...localGet(p_at), ...localGet(p + half), ...v128Store(16 * half)]),
    ]),
    // Through memory: an engine joins only what is stored side by side.
    ...rows((r) =>
      halves((half) => [...localGet(scratch), ...localGet(sum(r, half)), ...v128Store(PAIR_BYTES * r + 16 * half)]),
    ),
    ...rows((r) => [
      ...[...own(product), ...own(product), ...f64Load(8 * r)],
      ...[...lane(r, 0), ...lane(r, 1), F64_ADD, ...lane(r, 2), ...lane(r, 3), F64_ADD, F64_ADD, F64_ADD],
      ...f64Store(8 * r),
    ]),
  ];
  return {
    name: 'symmetric_rows',
    parameters: 6,
    locals: [
      [4, I32],
      [15, V128],
    ],
    code,
  };
}

/** place ← base + j. */
const placeAt = (base: number, j: number, place: number) => [
  ...[...localGet(base), ...localGet(j), I32_ADD, ...localSet(place)],
];

/** local += a · b, of locals. */
type MultiplyAdded = (sum: number, a: number, b: number) => number[];

const multiplyThenAdd: MultiplyAdded = (sum, a, b) => [
  ...[...localGet(sum), ...localGet(a), ...localGet(b), ...F64X2_MUL, ...F64X2_ADD, ...localSet(sum)],
];

/** Rounded once (relaxed SIMD). */
const multiplyAddFused: MultiplyAdded = (sum, a, b) => [
  ...[...localGet(a), ...localGet(b), ...localGet(sum), ...F64X2_MADD, ...localSet(sum)],
];

/**
 * j from 0 to `bytes`: pairs of vectors, then one vector after another.
 * @param end A local for the end of the pairs. @param body For so many vectors.
 */
function pairsThenSingle(j: number, bytes: number, end: number, body: (vectors: number) => number[]): number[] {
  return [
    ...[...i32Const(0), ...localSet(j)],
    ...[...localGet(bytes), ...i32Const(-PAIR_BYTES), I32_AND, ...localSet(end)],
    ...[...localGet(end), ...where(loopBelow(j, i32Const(PAIR_BYTES), end, body(2)))],
    ...[...localGet(j), ...localGet(bytes), I32_LT_U, ...where(loopBelow(j, i32Const(16), bytes, body(1)))],
  ];
}

function dotPair(multiplyAdded: MultiplyAdded): WasmFunction {
  const [x, a, b, bytes, result, j, end, at] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [sum_a, sum_b, value, first, second] = [8, 10, 12, 14, 16]; // two each
  const each = (vectors: number, code: (half: number) => number[]) => [0, 1].slice(0, vectors).flatMap(code);
  const load = (vectors: number, base: number, to: number) => [
    ...placeAt(base, j, at),
    ...each(vectors, (half) => [...localGet(at), ...v128Load(16 * half), ...localSet(to + half)]),
  ];
  const lane = (sum: number, index: number) => [...localGet(result), ...f64Load(8 * (4 * sum + index))];
  const total = (sum: number) => [
    ...[...lane(sum, 0), ...lane(sum, 1), F64_ADD, ...lane(sum, 2), ...lane(sum, 3), F64_ADD, F64_ADD],
  ];
  const code = [
    ...pairsThenSingle(j, bytes, end, (vectors) => [
      ...[...load(vectors, x, value), ...load(vectors, a, first), ...load(vectors, b, second)],
      ...each(vectors, (half) => multiplyAdded(sum_a + half, value + half, first + half)),
      ...each(vectors, (half) => multiplyAdded(sum_b + half, value + half, second + half)),
    ]),
    ...halves((half) => [...localGet(result), ...localGet(sum_a + half), ...v128Store(16 * half)]),
    ...halves((half) => [...localGet(result), ...localGet(sum_b + half), ...v128Store(PAIR_BYTES + 16 * half)]),
    ...[...localGet(result), ...total(0), ...f64Store(0)],
    ...[...localGet(result), ...total(1), ...f64Store(8)],
  ];
  return {
    name: 'dot_pair',
    parameters: 5,
    locals: [
      [3, I32],
      [10, V128],
    ],
    code,
  };
}

function addPair(multiplyAdded: MultiplyAdded): WasmFunction {
  const [y, a, b, bytes, coefficients, j, end, at, y_at, factor] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const [sum, value] = [10, 12]; // two each
  const each = (vectors: number, code: (half: number) => number[]) => [0, 1].slice(0, vectors).flatMap(code);
  const scaled = (vectors: number, offset: number, base: number) => [
    ...[...localGet(coefficients), ...loadSplat(offset), ...localSet(factor)],
    ...placeAt(base, j, at),
    ...each(vectors, (half) => [...localGet(at), ...v128Load(16 * half), ...localSet(value + half)]),
    ...each(vectors, (half) => multiplyAdded(sum + half, factor, value + half)),
  ];
  const code = pairsThenSingle(j, bytes, end, (vectors) => [
    ...placeAt(y, j, y_at),
    ...each(vectors, (half) => [...localGet(y_at), ...v128Load(16 * half), ...localSet(sum + half)]),
    ...scaled(vectors, 0, a),
    ...scaled(vectors, 8, b),
    ...each(vectors, (half) => [...localGet(y_at), ...localGet(sum + half), ...v128Store(16 * half)]),
  ]);
  return {
    name: 'add_pair',
    parameters: 5,
    locals: [
      [4, I32],
      [5, V128],
    ],
    code,
  };
}

function symmetricRange(): WasmFunction {
  const [row, row_bytes, column, end, v, product, scratch] = [0, 1, 2, 3, 4, 5, 6];
  const [at, x, y, sum, element] = [7, 8, 9, 10, 11];
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
    ...where([row, row_bytes, column, v, product, scratch].flatMap(localGet).concat(call(SYMMETRIC_ROWS))),
    ...[...localGet(row), ...localGet(column), I32_ADD, ...localSet(at)],
    ...[...localGet(v), ...localGet(column), I32_ADD, ...localSet(x)],
    ...[...localGet(product), ...localGet(column), I32_ADD, ...localSet(y)],
    ...[0, 1, 2, 3].flatMap((r) => [...corner(r), ...advance(row, localGet(row_bytes))]),
  ]);
  const locals: WasmFunction['locals'] = [
    [3, I32],
    [2, F64],
  ];
  return { name: 'symmetric_range', parameters: 7, locals, code };
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

function copying(): WasmFunction {
  const code = [...[0, 1, 2].flatMap(localGet), ...MEMORY_COPY];
  return { name: 'copy', parameters: 3, locals: [], code };
}

function zeroing(): WasmFunction {
  const code = [...localGet(0), ...i32Const(0), ...localGet(1), ...MEMORY_FILL];
  return { name: 'zero', parameters: 2, locals: [], code };
}

/** @param isFused With fused multiply-add, where the engine has it: other bits than without. */
export function createVectorKernel(memory: WebAssembly.Memory, isFused: boolean): VectorKernel {
  const multiplyAdded = isFused ? multiplyAddFused : multiplyThenAdd;
  const functions = [
    ...[symmetricRows(multiplyAdded), dotPair(multiplyAdded), addPair(multiplyAdded)],
    ...[symmetricRange(), correctRow(), correctProduct()],
    ...[copying(), zeroing()],
    ...[...turnFunctions(), ...reflectorFunctions()],
  ];
  const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as VectorKernel;
}
