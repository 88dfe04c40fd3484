/**
 * @file The inner loop of GPTQ in WebAssembly, two f64 lanes at a time: columns of a strip are rounded to a grid one after
 * another, each after what the columns before it are off by. Rows are the lanes, so a strip lies column by column.
 *
 * Every number takes the same operations in the same order as in JavaScript (`column_walk.ts`): the same bits.
 */
import {
  advance,
  assemble,
  I32,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  simd,
  V128,
  v128Const,
  v128Load,
  v128Store,
  type WasmFunction,
} from './wasm_module.ts';

/** Columns of a strip and rows that are walked together, at most. */
export const STRIP_COLUMNS = 32;
export const STRIP_ROWS = 64;
/** Rows in one turn of the inner loop. */
const VECTORS = 4;
const TURN = 16 * VECTORS;
const COLUMN_BYTES = 8 * STRIP_ROWS;
const FACTOR_BYTES = 8 * STRIP_COLUMNS;

const [ADD, SUBTRACT, MULTIPLY, DIVIDE, LEAST, MOST] = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5].map(simd);
const loadSplat = (local: number) => [...localGet(local), ...simd(0x0a), 3, 0];
const splat = (value: number) => v128Const(new Float64Array([value, value]));
/** Adding and subtracting it rounds to a whole number, ties to even: see `grid.ts`. */
const ROUND = splat(1.5 * 2 ** 52);

/** `integer`: scale · (code − offset); `minimum`: scale · code + offset. */
export type WalkGrid = 'integer' | 'minimum';

type Walk = (
  row_bytes: number,
  column_bytes: number,
  values: number,
  errors: number,
  codes: number,
  scales: number,
  offsets: number,
  params_step: number,
  factor: number,
) => void;

/**
 * Column c: v_c += Σ_{k<c} e_k · U_kc, then its code, its value, and e_c = (value − v_c) / U_cc. A column and a row of zeros
 * before `errors` and `factor` stand for k = −1, because loops run at least once.
 */
function walking(name: WalkGrid, most: number): WasmFunction {
  const [row_bytes, column_bytes, values, errors, codes, scales, offsets, params_step, factor] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8,
  ];
  const [column, row, error_at, error_end, factor_at, params_at, target] = [9, 10, 11, 12, 13, 14, 15];
  const value = (i: number) => 16 + i;
  const [u, scale, offset, code] = [20, 21, 22, 23];
  const vectors = (each: (i: number) => number[]) => Array.from({ length: VECTORS }, (_, i) => each(i)).flat();
  const sum = (...locals: number[]) => [
    ...localGet(locals[0]),
    ...locals.slice(1).flatMap((l) => [...localGet(l), I32_ADD]),
  ];
  const place = (base: number) => sum(base, column, row);
  const load = (base: number, i: number) => [...sum(base, params_at, row), ...v128Load(16 * i)];
  const rounded = [...ROUND, ...ADD, ...ROUND, ...SUBTRACT];
  const clamped = [...splat(0), ...MOST, ...splat(most), ...LEAST];
  const nearest =
    name === 'integer'
      ? [...localGet(scale), ...DIVIDE, ...rounded, ...localGet(offset), ...ADD]
      : [...localGet(offset), ...SUBTRACT, ...localGet(scale), ...DIVIDE, ...rounded];
  const number =
    name === 'integer'
      ? [...localGet(code), ...localGet(offset), ...SUBTRACT, ...localGet(scale), ...MULTIPLY]
      : [...localGet(code), ...localGet(scale), ...MULTIPLY, ...localGet(offset), ...ADD];
  const choose = (i: number) => [
    ...[...load(scales, i), ...localSet(scale), ...load(offsets, i), ...localSet(offset)],
    ...[...localGet(value(i)), ...nearest, ...clamped, ...localSet(code)],
    ...[...place(codes), ...localGet(code), ...v128Store(16 * i)],
    ...[...number, ...localSet(code)],
    ...[...place(values), ...localGet(code), ...v128Store(16 * i)],
    ...[...place(errors), ...localGet(code), ...localGet(value(i)), ...SUBTRACT, ...localGet(u), ...DIVIDE],
    ...v128Store(16 * i),
  ];
  const rows = [
    ...[...place(values), ...localSet(target)],
    ...vectors((i) => [...localGet(target), ...v128Load(16 * i), ...localSet(value(i))]),
    ...[...localGet(factor), ...i32Const(-FACTOR_BYTES), I32_ADD, ...localSet(factor_at)],
    ...[...sum(errors, row), ...i32Const(-COLUMN_BYTES), I32_ADD, ...localSet(error_at)],
    ...[...place(errors), ...localSet(error_end)],
    ...loopBelow(error_at, i32Const(COLUMN_BYTES), error_end, [
      ...[...loadSplat(factor_at), ...localSet(u)],
      ...vectors((i) => [
        ...[...localGet(value(i)), ...localGet(error_at), ...v128Load(16 * i), ...localGet(u), ...MULTIPLY, ...ADD],
        ...localSet(value(i)),
      ]),
      ...advance(factor_at, i32Const(FACTOR_BYTES)),
    ]),
    ...[...loadSplat(factor_at), ...localSet(u)],
    ...vectors(choose),
  ];
  const code_ = [
    ...[...i32Const(0), ...localSet(column), ...i32Const(0), ...localSet(params_at)],
    ...loopBelow(column, i32Const(COLUMN_BYTES), column_bytes, [
      ...[...i32Const(0), ...localSet(row)],
      ...loopBelow(row, i32Const(TURN), row_bytes, rows),
      ...advance(params_at, localGet(params_step)),
      ...advance(factor, i32Const(8)),
    ]),
  ];
  return {
    name,
    parameters: 9,
    locals: [
      [7, I32],
      [VECTORS + 4, V128],
    ],
    code: code_,
  };
}

/** A strip's numbers in the kernel's memory; `[column · STRIP_ROWS + row]` unless said. */
export interface WalkStrip {
  /** Before: the weights; after: what they became. */
  readonly values: Float64Array;
  /** After: (value − weight) / U_cc. */
  readonly errors: Float64Array;
  readonly codes: Float64Array;
  /** Of the columns' groups; with `common` of all columns, `[row]`. */
  readonly scales: Float64Array;
  readonly offsets: Float64Array;
  /** (STRIP_COLUMNS, STRIP_COLUMNS) row-major: the strip's block of U. */
  readonly factor: Float64Array;
  /** @param common Whether all columns are in one group. */
  walk(rows: number, columns: number, common: boolean): void;
}

const made = new Map<string, WalkStrip>();

/** The strip for codes 0 … most; there is one of each, to be used and left before anything else runs. */
export function walkStrip(grid: WalkGrid, most: number): WalkStrip {
  const key = `${grid} ${most}`;
  const found = made.get(key) ?? createStrip(grid, most);
  made.set(key, found);
  return found;
}

function createStrip(grid: WalkGrid, most: number): WalkStrip {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const module = new WebAssembly.Module(assemble([walking(grid, most)]));
  const walk = new WebAssembly.Instance(module, { host: { memory } }).exports[grid] as Walk;
  let end = 0;
  const array = (count: number, before = 0) => {
    const values = new Float64Array(memory.buffer, end + 8 * before, count);
    end += 8 * (before + count);
    return values;
  };
  const size = STRIP_COLUMNS * STRIP_ROWS;
  const values = array(size);
  const errors = array(size, STRIP_ROWS);
  const codes = array(size);
  const scales = array(size).fill(1);
  const offsets = array(size);
  const factor = array(STRIP_COLUMNS * STRIP_COLUMNS, STRIP_COLUMNS);
  const addresses = [values, errors, codes, scales, offsets].map(({ byteOffset }) => byteOffset);
  return {
    ...{ values, errors, codes, scales, offsets, factor },
    walk(rows, columns, common) {
      const [at, errors_at, codes_at, scales_at, offsets_at] = addresses;
      const step = common ? 0 : COLUMN_BYTES;
      const row_bytes = 8 * rows;
      walk(row_bytes, columns * COLUMN_BYTES, at, errors_at, codes_at, scales_at, offsets_at, step, factor.byteOffset);
    },
  };
}
