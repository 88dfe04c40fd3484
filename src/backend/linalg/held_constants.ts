/**
 * @file Vector constants out of loops: V8 makes one anew, by three instructions, wherever code names it, and an exponential names
 * fourteen (findings/vector_constants_in_loops.sh). A local that is set before the loop costs a load at most.
 */

const [BLOCK, LOOP, IF, END] = [0x02, 0x03, 0x04, 0x0b];
const [MISCELLANEOUS, VECTOR] = [0xfc, 0xfd];
const [LOCAL_GET, LOCAL_SET] = [0x20, 0x21];
const V128_CONST = 0x0c;
const V128 = 0x7b;

/** Of a function: how many i32 parameters, its locals behind them, how many of which type, and its code. */
interface Body {
  readonly parameters: number;
  readonly locals: readonly [count: number, type: number][];
  readonly code: readonly number[];
}

/** An instruction of a function's code: its bytes, its opcode and where its immediates begin. */
interface Instruction {
  readonly bytes: readonly number[];
  readonly opcode: number;
  /** Behind a prefix. */
  readonly sub?: number;
}

/** LEB128 numbers, signed or not, from `at` on: how many bytes. */
function lebBytes(code: readonly number[], at: number, count: number): number {
  let end = at;
  for (let i = 0; i < count; i++) {
    while (code[end] >= 128) end++;
    end++;
  }
  return end - at;
}

/** Bytes of an instruction's immediates (specification, §5.4), of those that `wasm_module.ts` and kernels write. */
function immediates(code: readonly number[], at: number, opcode: number, sub: number | undefined): number {
  const leb = (count: number) => lebBytes(code, at, count);
  if (opcode === MISCELLANEOUS) return sub === 10 ? 2 : 1;
  if (opcode === VECTOR) {
    const vector = sub as number;
    if (vector === V128_CONST || vector === 0x0d) return 16;
    if (vector <= 0x0b || vector === 0x5c || vector === 0x5d) return leb(2);
    if (vector >= 0x54 && vector <= 0x5b) return leb(2) + 1;
    return vector >= 0x15 && vector <= 0x22 ? 1 : 0;
  }
  if (opcode >= BLOCK && opcode <= IF) return 1;
  if (opcode === 0x0c || opcode === 0x0d || (opcode >= LOCAL_GET && opcode <= 0x24)) return leb(1);
  if (opcode >= 0x28 && opcode <= 0x3e) return leb(2);
  if (opcode === 0x41 || opcode === 0x42) return leb(1);
  if (opcode === 0x43) return 4;
  return opcode === 0x44 ? 8 : 0;
}

/** A function's code, instruction by instruction. */
export function instructionsOf(code: readonly number[]): Instruction[] {
  const found: Instruction[] = [];
  for (let at = 0; at < code.length; ) {
    const opcode = code[at];
    const isPrefix = opcode === MISCELLANEOUS || opcode === VECTOR;
    const prefixed = isPrefix ? lebBytes(code, at + 1, 1) : 0;
    const sub = isPrefix ? (code[at + 1] & 127) | (prefixed > 1 ? code[at + 2] << 7 : 0) : undefined;
    const length = 1 + prefixed + immediates(code, at + 1 + prefixed, opcode, sub);
    found.push({ bytes: code.slice(at, at + length), opcode, sub });
    at += length;
  }
  return found;
}

/** A zero is made by one instruction. */
const isHeld = ({ opcode, sub, bytes }: Instruction) =>
  opcode === VECTOR && sub === V128_CONST && bytes.some((byte, i) => i > 1 && byte !== 0);

/** The same function with its loops' vector constants in locals. */
export function withHeldConstants<T extends Body>(given: T): T {
  const { parameters, locals, code } = given;
  const first = parameters + locals.reduce((sum, [count]) => sum + count, 0);
  const held = new Map<string, readonly number[]>();
  const open: number[] = [];
  const body = instructionsOf(code).flatMap((instruction) => {
    const { opcode, bytes } = instruction;
    if (opcode >= BLOCK && opcode <= IF) open.push(opcode);
    if (opcode === END) open.pop();
    if (!open.includes(LOOP) || !isHeld(instruction)) return bytes;
    const key = bytes.join();
    held.set(key, bytes);
    return [LOCAL_GET, ...localNumber(first + [...held.keys()].indexOf(key))];
  });
  if (held.size === 0) return given;
  const set = [...held.values()].flatMap((bytes, i) => [...bytes, LOCAL_SET, ...localNumber(first + i)]);
  return { ...given, locals: [...locals, [held.size, V128]], code: [...set, ...body] };
}

const localNumber = (local: number) => (local < 128 ? [local] : [(local & 127) | 128, local >>> 7]);
