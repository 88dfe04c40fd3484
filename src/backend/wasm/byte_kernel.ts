/** @file The loops of products of bytes as functions of JavaScript, and whether this engine is fast at them. */
import { TILE_VECTORS, type TileWidth, zeroing } from '../linalg/tile_kernel.ts';
import { assemble, memoryKind, v128Load, v128Store, v128Zero, type WasmFunction } from '../linalg/wasm_module.ts';
import { quantiseRow } from './byte_panels.ts';
import { BYTE_DOT, type MultiplyBytes, multiplyBytes } from './byte_tile.ts';

/** All addresses are in bytes. */
export interface ByteKernel {
  multiply_bytes_narrow: MultiplyBytes;
  multiply_bytes_wide: MultiplyBytes;
  /** A row of whole blocks of f32, from x on below `end`, into its place in a left panel. */
  quantise_row(x: number, end: number, out: number): void;
  zero(target: number, bytes: number): void;
}

const WIDTHS = Object.keys(TILE_VECTORS) as TileWidth[];

/** @param isRelaxed False for an engine without relaxed SIMD. */
export function createByteKernel(memory: WebAssembly.Memory, isRelaxed = canMultiplyBytes()): ByteKernel {
  const functions = [...WIDTHS.map((width) => multiplyBytes(width, isRelaxed)), quantiseRow(), zeroing()];
  const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as ByteKernel;
}

/** One instruction on vectors at address 0 and 16, to address 0. */
function probe(): WasmFunction {
  const zero = [0x41, 0];
  const code = [...zero, ...zero, ...v128Load(), ...zero, ...v128Load(16), ...v128Zero, ...BYTE_DOT, ...v128Store()];
  return { name: 'probe', parameters: 0, locals: [], code };
}

const canMultiplyBytes = () => WebAssembly.validate(assemble([probe()]));

let known: boolean | undefined;

/**
 * Whether the engine turns the instruction into the processor's own, so that bytes multiply faster than floats. What it makes of
 * a second operand of 8 bits is left open, and tells: VNNI of x86 takes it without a sign, ARM's with one; the three instructions that
 * other x86 processors need instead saturate in between (`findings/relaxed_dot_tells_its_instruction.sh`). So the answer is the same in
 * every run, as the bits of results must be.
 */
export function isFastAtBytes(): boolean {
  known ??= canMultiplyBytes() && [4 * 127 * 255, -4 * 127].includes(probed());
  return known;
}

function probed(): number {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const bytes = new Int8Array(memory.buffer);
  bytes.fill(127, 0, 16).fill(-1, 16, 32);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble([probe()])), { host: { memory } });
  (exports as { probe(): void }).probe();
  return new Int32Array(memory.buffer)[0];
}
