/**
 * @file The inner kernel of the f64 matrix product: tile (4 × 4) = A panel (4 × k) · B panel (k × 4), in two forms that
 * give the same bits. JavaScript has no vector instructions, so the fast form is a WebAssembly function of one loop,
 * assembled here: two f64 lanes, eight accumulators, four to five times the speed. The plain form serves where
 * WebAssembly SIMD is missing or a content security policy forbids it.
 *
 * Panels interleave: element (r, p) of an A panel is at 4p + r, element (p, q) of a B panel at 4p + q.
 */

export const TILE = 4;
export const BLOCK_K = 256;
export const BLOCK_M = 64;
export const BLOCK_N = 256;

const A_LENGTH = BLOCK_M * BLOCK_K;
const B_LENGTH = BLOCK_N * BLOCK_K;

export interface PanelKernel {
  readonly packed_a: Float64Array;
  readonly packed_b: Float64Array;
  /** (4, 4) row-major. */
  readonly tile: Float64Array;
  /** Multiplies the panels of depth k that start at element `a_at` of `packed_a` and `b_at` of `packed_b`. */
  multiply(k: number, a_at: number, b_at: number): void;
}

/** The fast form, or undefined where this engine cannot run it. */
export function simdPanels(): PanelKernel | undefined {
  const a_offset = TILE * TILE * 8;
  const b_offset = a_offset + A_LENGTH * 8;
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((b_offset + B_LENGTH * 8) / 65536) });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(assemble()), { host: { memory } });
    const multiply = instance.exports.multiply as (k: number, a: number, b: number) => void;
    return {
      tile: new Float64Array(memory.buffer, 0, TILE * TILE),
      packed_a: new Float64Array(memory.buffer, a_offset, A_LENGTH),
      packed_b: new Float64Array(memory.buffer, b_offset, B_LENGTH),
      multiply: (k, a_at, b_at) => multiply(k, a_offset + a_at * 8, b_offset + b_at * 8),
    };
  } catch {
    return undefined; // no WebAssembly, no SIMD, or forbidden by policy: the plain form gives the same bits
  }
}

/** Unsigned LEB128, WebAssembly's integers. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

function vector(...items: number[][]): number[] {
  return [...leb(items.length), ...items.flat()];
}

function section(id: number, content: number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function text(value: string): number[] {
  return vector(...Array.from(value, (letter) => [letter.charCodeAt(0)]));
}

// Opcodes by their names in the WebAssembly specification, §5.4.
const I32 = 0x7f;
const V128 = 0x7b;
const END = 0x0b;
const LOOP = [0x03, 0x40];
const BR_IF_0 = [0x0d, 0];
const I32_LT_U = 0x49;
const I32_ADD = 0x6a;
const I32_SHL = 0x74;
const F64X2_ADD = [0xfd, 0xf0, 0x01];
const F64X2_MUL = [0xfd, 0xf2, 0x01];
const localGet = (local: number) => [0x20, ...leb(local)];
const localSet = (local: number) => [0x21, ...leb(local)];
const localTee = (local: number) => [0x22, ...leb(local)];
/** Below 64 one byte serves: the format is signed. */
const i32Const = (value: number) => [0x41, value];
const v128Load = (offset: number) => [0xfd, 0x00, 3, ...leb(offset)];
const v128Load64Splat = (offset: number) => [0xfd, 0x0a, 3, ...leb(offset)];
const v128Store = (offset: number) => [0xfd, 0x0b, 3, ...leb(offset)];

/** (k ≥ 1, a, b: byte addresses) → the tile at address 0. Locals: 3 = end of the A panel, then the vectors. */
function assemble(): Uint8Array<ArrayBuffer> {
  const [k, a, b, end] = [0, 1, 2, 3];
  const accumulator = (row: number, half: number) => 4 + 2 * row + half;
  const b_half = [12, 13];
  const a_row = 14;
  const rows = [0, 1, 2, 3];
  const halves = [0, 1];

  const multiplyAdd = (row: number, half: number) => [
    ...localGet(accumulator(row, half)),
    ...localGet(a_row),
    ...localGet(b_half[half]),
    ...F64X2_MUL,
    ...F64X2_ADD,
    ...localSet(accumulator(row, half)),
  ];
  const step = [
    ...halves.flatMap((half) => [...localGet(b), ...v128Load(16 * half), ...localSet(b_half[half])]),
    ...rows.flatMap((row) => [
      ...localGet(a),
      ...v128Load64Splat(8 * row),
      ...localSet(a_row),
      ...halves.flatMap((half) => multiplyAdd(row, half)),
    ]),
  ];
  const code = [
    ...[...localGet(a), ...localGet(k), ...i32Const(5), I32_SHL, I32_ADD, ...localSet(end)], // 32 bytes a step
    ...LOOP,
    ...step,
    ...[...localGet(b), ...i32Const(32), I32_ADD, ...localSet(b)],
    ...[...localGet(a), ...i32Const(32), I32_ADD, ...localTee(a), ...localGet(end), I32_LT_U, ...BR_IF_0],
    END,
    ...rows.flatMap((row) =>
      halves.flatMap((half) => [
        ...i32Const(0),
        ...localGet(accumulator(row, half)),
        ...v128Store(32 * row + 16 * half),
      ]),
    ),
    END,
  ];
  const body = [...vector([1, I32], [11, V128]), ...code];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, vector([0x60, ...vector([I32], [I32], [I32]), ...vector()])),
    ...section(2, vector([...text('host'), ...text('memory'), 0x02, 0x00, 1])),
    ...section(3, vector([0])),
    ...section(7, vector([...text('multiply'), 0x00, 0])),
    ...section(10, vector([...leb(body.length), ...body])),
  ]);
}

/** The plain form: sixteen accumulators in local variables. */
export function plainPanels(): PanelKernel {
  const packed_a = new Float64Array(A_LENGTH);
  const packed_b = new Float64Array(B_LENGTH);
  const tile = new Float64Array(TILE * TILE);
  return {
    packed_a,
    packed_b,
    tile,
    multiply: (k, a_at, b_at) => multiplyPanels(packed_a, packed_b, tile, k, a_at, b_at),
  };
}

function multiplyPanels(
  a: Float64Array,
  b: Float64Array,
  tile: Float64Array,
  k: number,
  a_at: number,
  b_at: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let p = 0; p < k; p++) {
    const b0 = b[b_at];
    const b1 = b[b_at + 1];
    const b2 = b[b_at + 2];
    const b3 = b[b_at + 3];
    const a0 = a[a_at];
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[a_at + 1];
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[a_at + 2];
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[a_at + 3];
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
    a_at += TILE;
    b_at += TILE;
  }
  tile[0] = c00;
  tile[1] = c01;
  tile[2] = c02;
  tile[3] = c03;
  tile[4] = c10;
  tile[5] = c11;
  tile[6] = c12;
  tile[7] = c13;
  tile[8] = c20;
  tile[9] = c21;
  tile[10] = c22;
  tile[11] = c23;
  tile[12] = c30;
  tile[13] = c31;
  tile[14] = c32;
  tile[15] = c33;
}
