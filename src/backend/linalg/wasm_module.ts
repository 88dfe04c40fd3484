/**
 * @file A small assembler of WebAssembly modules, for the few inner loops that JavaScript cannot express: it has no vector
 * instructions. Functions take i32 parameters and return nothing; all share one memory, `host.memory`.
 */
import { withHeldConstants } from './held_constants.ts';

/** Opcodes by their names in the WebAssembly specification, §5.4. */
export const I32 = 0x7f;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const I32_ADD = 0x6a;
export const I32_MUL = 0x6c;
/** (address, byte, count), of the first memory. */
export const MEMORY_FILL = [0xfc, 11, 0];
/** (to, from, count), within the first memory. */
export const MEMORY_COPY = [0xfc, 10, 0, 0];
const I32_LT_U = 0x49;
const I32_AND = 0x71;
const END = 0x0b;

export interface WasmFunction {
  name: string;
  /** How many i32 parameters; they are locals 0, 1, … */
  parameters: number;
  /** Further locals, numbered on from the parameters: how many of which type. */
  locals: readonly [count: number, type: number][];
  code: readonly number[];
}

/** Unsigned LEB128, WebAssembly's integers. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

/** Signed LEB128, for constants. */
function signedLeb(value: number): number[] {
  const low = value & 127;
  const rest = value >> 7;
  const isLast = (rest === 0 && low < 64) || (rest === -1 && low >= 64);
  return isLast ? [low] : [low | 128, ...signedLeb(rest)];
}

function vector(...items: readonly (readonly number[])[]): number[] {
  return [...leb(items.length), ...items.flat()];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function text(value: string): number[] {
  return vector(...Array.from(value, (letter) => [letter.charCodeAt(0)]));
}

export const localGet = (local: number) => [0x20, ...leb(local)];
export const localSet = (local: number) => [0x21, ...leb(local)];
const localTee = (local: number) => [0x22, ...leb(local)];
export const i32Const = (value: number) => [0x41, ...signedLeb(value)];
export const f32Const = (value: number) => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)];
export const f32Store = (offset = 0) => [0x38, 2, ...leb(offset)];
/** An instruction of the vector extension. */
export const simd = (code: number) => [0xfd, ...leb(code)];
export const v128Load = (offset = 0) => [...simd(0x00), 2, ...leb(offset)];
export const v128Store = (offset = 0) => [...simd(0x0b), 2, ...leb(offset)];
/** Four bytes of memory in each of four lanes. */
export const splatAt = (offset = 0) => [...simd(0x09), 2, ...leb(offset)];
/** A word of a vector to memory. */
export const storeLane = (offset: number, lane: number) => [...simd(0x5a), 2, ...leb(offset), lane];
/** Of 16 bytes. */
export const v128Const = (value: Float64Array<ArrayBuffer>) => [...simd(0x0c), ...new Uint8Array(value.buffer)];
export const v128Zero = v128Const(new Float64Array(2));
/** Picks 16 bytes out of the 32 of two vectors. */
export const shuffle = (bytes: readonly number[]) => [...simd(0x0d), ...bytes];

/** local += the value that `code` leaves. */
export const advance = (local: number, code: readonly number[]) => [
  ...localGet(local),
  ...code,
  I32_ADD,
  ...localSet(local),
];

/** Each local goes on by one vector. */
export const onward = (...locals: number[]): number[] => locals.flatMap((local) => advance(local, i32Const(16)));

/** Runs `body` at least once, and again while local + step, which it becomes, is below `end`. */
export function loopBelow(local: number, step: readonly number[], end: number, body: readonly number[]): number[] {
  const next = isBelow([...localGet(local), ...step, I32_ADD, ...localTee(local)], localGet(end));
  return [0x03, 0x40, ...body, ...next, 0x0d, 0, END];
}

/** a < b, unsigned. */
export const isBelow = (a: readonly number[], b: readonly number[]) => [...a, ...b, I32_LT_U];

/** Bytes rounded up to whole vectors. */
export const wholeVectors = (bytes: readonly number[]) => [
  ...[...bytes, ...i32Const(15), I32_ADD, ...i32Const(-16), I32_AND],
];

/** Runs `body` where `condition` holds. */
export const ifThen = (condition: readonly number[], body: readonly number[]) => [
  ...[...condition, 0x04, 0x40, ...body, END],
];

/** Runs `body` once, and again while `condition` holds. */
export const repeatWhile = (condition: readonly number[], body: readonly number[]) => [
  ...[0x03, 0x40, ...body, ...condition, 0x0d, 0, END],
];

/** What an import of a memory must declare: at least one page, and of a shared memory also how far it may grow. */
const LIMITS = { own: [0x00, 1], shared: [0x03, 1, ...leb(65536)] };

/**
 * Asks the engine to optimise every function when it is first called, not after it has run for a while: section
 * `metadata.code.compilation_priority` of WebAssembly's compilation hints proposal, with the first priority of both kinds. V8 reads
 * one hint a function without the number of hints that the proposal's text has (`findings/compilation_hints_have_no_list.sh`); whoever
 * reads it otherwise, or not at all, passes the section over.
 */
function optimisedAtOnce(functions: number): number[] {
  const hints = Array.from({ length: functions }, (_, index) => [...leb(index), 0, 2, 0, 0]);
  return section(0, [...text('metadata.code.compilation_priority'), ...vector(...hints)]);
}

/** How a module must import a memory. */
export function memoryKind({ buffer }: WebAssembly.Memory): keyof typeof LIMITS {
  return typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer ? 'shared' : 'own';
}

/**
 * Bytes of a module that exports the functions.
 * @param memory `shared` for a memory that several threads have: its maximum is at most the whole address space.
 */
export function assemble(
  functions: readonly WasmFunction[],
  memory: keyof typeof LIMITS = 'own',
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [
    0x60,
    ...vector(...new Array<number[]>(parameters).fill([I32])),
    ...vector(),
  ]);
  const bodies = functions.map(withHeldConstants).map(({ locals, code }) => {
    const body = [...vector(...locals.map(([count, type]) => [...leb(count), type])), ...code, END];
    return [...leb(body.length), ...body];
  });
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, vector(...types)),
    ...section(2, vector([...text('host'), ...text('memory'), 0x02, ...LIMITS[memory]])),
    ...section(3, vector(...functions.map((_, index) => leb(index)))),
    ...section(7, vector(...functions.map(({ name }, index) => [...text(name), 0x00, ...leb(index)]))),
    ...optimisedAtOnce(functions.length),
    ...section(10, vector(...bodies)),
  ]);
}
