/**
 * @file The inner kernels of the matrix products, in f32 and f64: WebAssembly functions that multiply packed panels, and
 * that pack them. A tile of C, 6 rows by two vectors, stays in twelve accumulators: with what they are made of these are all the
 * registers that V8 gives out, and enough sums at once to hide how long each takes (measured on one thread: 4 rows reach two
 * thirds to four fifths of it). Rows that are left over go in tiles of 4, and all where there is no fused multiply-add, which
 * takes a register more. Where the engine joins pairs of vectors into 256-bit ones (V8's `--wasm-revectorize`), tiles of four
 * vectors keep as many accumulators and reach up to twice that: `tile_choice.ts` finds out which engine it is.
 *
 * Panels interleave: element (r, p) of an A panel is at rows·p + r, element (p, q) of a B panel at columns·p + q.
 */
import { F64X2_PROMOTE_LOW } from './f64_lanes.ts';
import {
  advance,
  assemble,
  I32,
  I32_ADD,
  I32_MUL,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  MEMORY_FILL,
  memoryKind,
  shuffle,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from './wasm_module.ts';

export type Precision = 'f32' | 'f64';

/** Rows of a tile. */
export const TILE_ROWS = { tall: 6, short: 4 } as const;
export type TileHeight = keyof typeof TILE_ROWS;

/** Vectors in a row of a tile: the second for engines that join pairs of them. */
export const TILE_VECTORS = { narrow: 2, wide: 4 } as const;
export type TileWidth = keyof typeof TILE_VECTORS;

/** Elements in a vector. */
export const LANES: Record<Precision, number> = { f32: 4, f64: 2 };
export const BYTES: Record<Precision, number> = { f32: 4, f64: 8 };
/** Columns of a tile. */
export function tileColumns(precision: Precision, width: TileWidth): number {
  return LANES[precision] * TILE_VECTORS[width];
}

interface Instructions {
  splat: number[];
  add: number[];
  multiply: number[];
  /** accumulator ← a · b + accumulator, rounded once where the machine can (relaxed SIMD). */
  fused: number[];
}

const INSTRUCTIONS: Record<Precision, Instructions> = {
  f32: { splat: simd(0x09), add: simd(0xe4), multiply: simd(0xe6), fused: simd(0x105) },
  f64: { splat: simd(0x0a), add: simd(0xf0), multiply: simd(0xf2), fused: simd(0x107) },
};

/** C (m, n) = A·B, or C += A·B, from panels of depth k ≥ 1; m and n are whole tiles. */
export type MultiplyPanels = (m: number, n: number, k: number, a: number, b: number, c: number, c_row: number) => void;

type Multiplication = `${'multiply' | 'multiply_add'}_${TileHeight}_${TileWidth}`;

/** The name of the function for some tiles. Every element of C is summed in the same order by all. */
export function multiplicationName(adds: boolean, height: TileHeight, width: TileWidth): Multiplication {
  return `${adds ? 'multiply_add' : 'multiply'}_${height}_${width}`;
}

/** All addresses and steps are in bytes. */
export interface TileKernel extends Record<Multiplication, MultiplyPanels> {
  /** Interleaves as many lines as a vector has lanes, `source_step` apart, into vectors `target_step` apart; k is rounded
   * up to a whole vector. */
  interleave(source: number, source_step: number, k: number, target: number, target_step: number): void;
  /** Copies k vectors from steps of one size to steps of another. */
  restep(source: number, source_step: number, k: number, target: number, target_step: number): void;
  /** The same of two vectors a step, one behind the other. */
  restep_pair(source: number, source_step: number, k: number, target: number, target_step: number): void;
  /** The same of four f32 a step, widened to f64. */
  restep_widened(source: number, source_step: number, k: number, target: number, target_step: number): void;
  /** So many zero bytes: JavaScript fills shared memory word by word. */
  zero(target: number, bytes: number): void;
}

function multiplication(
  precision: Precision,
  adds: boolean,
  isFused: boolean,
  height: TileHeight,
  width: TileWidth,
): WasmFunction {
  const [tile_rows, vectors] = [TILE_ROWS[height], TILE_VECTORS[width]];
  const { splat, add, multiply, fused } = INSTRUCTIONS[precision];
  const size = BYTES[precision];
  const columns = LANES[precision] * vectors;
  const [m, n, k, a, b, c, c_row] = [0, 1, 2, 3, 4, 5, 6];
  const [a_at, b_at, b_end, c_at, i, j, c_tile] = [7, 8, 9, 10, 11, 12, 13];
  const first_vector = 14;
  const accumulator = (row: number, half: number) => first_vector + row * vectors + half;
  const b_half = (half: number) => first_vector + tile_rows * vectors + half;
  const a_element = first_vector + tile_rows * vectors + vectors;
  const halves = <T>(code: (half: number) => T[]) => Array.from({ length: vectors }, (_, half) => code(half)).flat();
  const rows = <T>(code: (row: number) => T[]) => Array.from({ length: tile_rows }, (_, row) => code(row)).flat();

  const multiplyAdd = (sum: number, half: number) =>
    isFused
      ? [...localGet(a_element), ...localGet(b_half(half)), ...localGet(sum), ...fused, ...localSet(sum)]
      : [...localGet(sum), ...localGet(a_element), ...localGet(b_half(half)), ...multiply, ...add, ...localSet(sum)];
  const step = [
    ...halves((half) => [...localGet(b_at), ...v128Load(16 * half), ...localSet(b_half(half))]),
    ...rows((row) => [
      ...localGet(a_at),
      ...splat,
      2,
      size * row, // below 128: one byte
      ...localSet(a_element),
      ...halves((half) => multiplyAdd(accumulator(row, half), half)),
    ]),
    ...advance(a_at, i32Const(tile_rows * size)),
  ];
  /** Goes down the rows of the tile in C. */
  const eachRow = (code: (row: number) => number[]) => [
    ...localGet(c_tile),
    ...localSet(c_at),
    ...rows((row) => [...code(row), ...advance(c_at, localGet(c_row))]),
  ];
  const tile = [
    ...eachRow((row) =>
      halves((half) => [
        ...(adds ? [...localGet(c_at), ...v128Load(16 * half)] : v128Zero),
        ...localSet(accumulator(row, half)),
      ]),
    ),
    ...[...localGet(b), ...localSet(b_at)],
    ...[...localGet(b), ...localGet(k), ...i32Const(columns * size), I32_MUL, I32_ADD, ...localSet(b_end)],
    ...loopBelow(b_at, i32Const(columns * size), b_end, step),
    ...eachRow((row) =>
      halves((half) => [...localGet(c_at), ...localGet(accumulator(row, half)), ...v128Store(16 * half)]),
    ),
    ...[...localGet(c_at), ...localSet(c_tile)],
  ];
  const code = [
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(columns), n, [
      ...[...i32Const(0), ...localSet(i), ...localGet(c), ...localSet(c_tile), ...localGet(a), ...localSet(a_at)],
      ...loopBelow(i, i32Const(tile_rows), m, tile),
      ...advance(b, [...localGet(k), ...i32Const(columns * size), I32_MUL]),
      ...advance(c, i32Const(columns * size)),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [first_vector - 7, I32],
    [tile_rows * vectors + vectors + 1, V128],
  ];
  return { name: multiplicationName(adds, height, width), parameters: 7, locals, code };
}

/** The bytes of lanes `picks` of two vectors: lanes of the second count on from those of the first. */
function lanes(size: number, ...picks: number[]): number[] {
  return shuffle(picks.flatMap((lane) => Array.from({ length: size }, (_, byte) => lane * size + byte)));
}

/** Transposes square blocks of vectors. */
function interleaving(precision: Precision): WasmFunction {
  const count = LANES[precision];
  const [source, source_step, k, target, target_step, at, p] = [0, 1, 2, 3, 4, 5, 6];
  const line = (index: number) => 7 + index;
  const pair = (index: number) => 7 + count + index;
  const both = (x: number, y: number, code: number[]) => [...localGet(x), ...localGet(y), ...code];
  const transposed =
    precision === 'f64'
      ? [both(line(0), line(1), lanes(8, 0, 2)), both(line(0), line(1), lanes(8, 1, 3))]
      : [
          both(pair(0), pair(1), lanes(8, 0, 2)),
          both(pair(0), pair(1), lanes(8, 1, 3)),
          both(pair(2), pair(3), lanes(8, 0, 2)),
          both(pair(2), pair(3), lanes(8, 1, 3)),
        ];
  const pairs =
    precision === 'f64'
      ? []
      : [
          [...both(line(0), line(1), lanes(4, 0, 4, 1, 5)), ...localSet(pair(0))],
          [...both(line(2), line(3), lanes(4, 0, 4, 1, 5)), ...localSet(pair(1))],
          [...both(line(0), line(1), lanes(4, 2, 6, 3, 7)), ...localSet(pair(2))],
          [...both(line(2), line(3), lanes(4, 2, 6, 3, 7)), ...localSet(pair(3))],
        ].flat();
  const body = [
    ...[...localGet(source), ...localSet(at)],
    ...Array.from({ length: count }, (_, index) => [
      ...[...localGet(at), ...v128Load(), ...localSet(line(index))],
      ...advance(at, localGet(source_step)),
    ]).flat(),
    ...pairs,
    ...transposed.flatMap((value) => [
      ...[...localGet(target), ...value, ...v128Store()],
      ...advance(target, localGet(target_step)),
    ]),
    ...advance(source, i32Const(16)),
  ];
  return {
    name: 'interleave',
    parameters: 5,
    locals: [
      [2, I32],
      [2 * count, V128],
    ],
    code: [...i32Const(0), ...localSet(p), ...loopBelow(p, i32Const(count), k, body)],
  };
}

/** `copy` leaves what a step takes from `source` at `target`. */
function restepping(
  name: string,
  copy: (source: number, target: number, held: number) => number[],
  held = 0,
): WasmFunction {
  const [source, source_step, k, target, target_step, p] = [0, 1, 2, 3, 4, 5];
  const body = [
    ...copy(source, target, 6),
    ...advance(source, localGet(source_step)),
    ...advance(target, localGet(target_step)),
  ];
  return {
    name,
    parameters: 5,
    locals: [[1, I32], ...(held > 0 ? [[held, V128] as [number, number]] : [])],
    code: [...i32Const(0), ...localSet(p), ...loopBelow(p, i32Const(1), k, body)],
  };
}

const copyVector = (source: number, target: number) => [
  ...[...localGet(target), ...localGet(source), ...v128Load(), ...v128Store()],
];

/** Both are loaded first: an engine that joins vectors takes them as one of 256 bits. */
const copyPair = (source: number, target: number, held: number) => [
  ...[...localGet(source), ...v128Load(), ...localSet(held)],
  ...[...localGet(source), ...v128Load(16), ...localSet(held + 1)],
  ...[...localGet(target), ...localGet(held), ...v128Store()],
  ...[...localGet(target), ...localGet(held + 1), ...v128Store(16)],
];

const copyWidened = (source: number, target: number, held: number) => [
  ...[...localGet(source), ...v128Load(), ...localSet(held)],
  ...[...localGet(target), ...localGet(held), ...F64X2_PROMOTE_LOW, ...v128Store()],
  ...[...localGet(target), ...localGet(held), ...localGet(held), ...lanes(8, 1, 0), ...F64X2_PROMOTE_LOW],
  ...v128Store(16),
];

/** So many bytes become zero. */
export function zeroing(): WasmFunction {
  const [target, bytes] = [0, 1];
  const code = [...localGet(target), ...i32Const(0), ...localGet(bytes), ...MEMORY_FILL];
  return { name: 'zero', parameters: 2, locals: [], code };
}

function moduleBytes(precision: Precision, isFused: boolean, memory?: WebAssembly.Memory): Uint8Array<ArrayBuffer> {
  const functions = [
    ...(['tall', 'short'] as const).flatMap((height) =>
      (['narrow', 'wide'] as const).flatMap((width) =>
        [false, true].map((adds) => multiplication(precision, adds, isFused, height, width)),
      ),
    ),
    interleaving(precision),
    restepping('restep', copyVector),
    restepping('restep_pair', copyPair, 2),
    restepping('restep_widened', copyWidened, 1),
    zeroing(),
  ];
  return assemble(functions, memory && memoryKind(memory));
}

/** Whether this engine has fused multiply-add in WebAssembly (relaxed SIMD). */
export function hasFusedMultiplyAdd(precision: Precision): boolean {
  return WebAssembly.validate(moduleBytes(precision, true));
}

/** Throws WebAssembly's own error where the engine has no SIMD; every browser that has WebGPU or runs onnxruntime-web has. */
export function createTileKernel(
  precision: Precision,
  memory: WebAssembly.Memory,
  isFused = hasFusedMultiplyAdd(precision),
): TileKernel {
  const module = new WebAssembly.Module(moduleBytes(precision, isFused, memory));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as TileKernel;
}
