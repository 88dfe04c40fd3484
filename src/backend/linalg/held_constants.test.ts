import { describe, expect, it } from 'vitest';
import { instructionsOf, withHeldConstants } from './held_constants.ts';
import {
  advance,
  assemble,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  MEMORY_COPY,
  simd,
  splatAt,
  storeLane,
  V128,
  v128Const,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from './wasm_module.ts';

const two = v128Const(new Float64Array([2, 2]));
/** Its bytes look like instructions: those of a constant, of a loop and of an end. */
const odd = [...simd(0x0c), 0xfd, 0x0c, 3, 0x40, 11, 0xfd, 0x0c, 3, 0x40, 11, 1, 2, 3, 4, 5, 6];
const F64X2_MUL = simd(0xf2);
const I64X2_ADD = simd(0xce);

/** From address x to `end`: twice the doubles, then `odd` added to their bits, then 0 where the result is not kept. */
const doubling: WasmFunction = {
  name: 'doubling',
  parameters: 2,
  locals: [[1, V128]],
  code: [
    ...[...two, ...localSet(2)],
    ...loopBelow(0, i32Const(16), 1, [
      ...[...localGet(0), ...localGet(0), ...v128Load(), ...two, ...F64X2_MUL, ...odd, ...I64X2_ADD],
      ...[...v128Zero, ...I64X2_ADD, ...v128Store()],
    ]),
  ],
};

/** What the code names in loops. */
function constantsInLoops(code: readonly number[]): number {
  const open: number[] = [];
  let found = 0;
  for (const { opcode, sub, bytes } of instructionsOf(code)) {
    if (opcode >= 2 && opcode <= 4) open.push(opcode);
    if (opcode === 11) open.pop();
    if (open.includes(3) && opcode === 0xfd && sub === 12 && bytes.slice(2).some((byte) => byte > 0)) found++;
  }
  return found;
}

describe('constants of loops', () => {
  it('stand in locals before them, each once, and a zero stays', () => {
    const held = withHeldConstants(doubling);
    expect(constantsInLoops(doubling.code)).toBe(2);
    expect(constantsInLoops(held.code)).toBe(0);
    expect(held.locals).toEqual([
      [1, V128],
      [2, V128],
    ]);
    const twice = loopBelow(0, i32Const(16), 1, [...two, ...localSet(2), ...two, ...localSet(2)]);
    expect(withHeldConstants({ ...doubling, code: twice }).locals[1]).toEqual([1, V128]);
  });

  it('are the same numbers', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const module = new WebAssembly.Module(assemble([doubling]));
    const { exports } = new WebAssembly.Instance(module, { host: { memory } });
    const doubles = new Float64Array(memory.buffer, 0, 4);
    doubles.set([1, -3, 0.5, 7]);
    const expected = new BigInt64Array(doubles.map((value) => 2 * value).buffer);
    const added = new BigInt64Array(Uint8Array.from(odd.slice(2)).buffer);
    (exports.doubling as (x: number, end: number) => void)(0, 32);
    const found = new BigInt64Array(memory.buffer, 0, 4);
    expect([...found]).toEqual([...expected].map((value, i) => BigInt.asIntN(64, value + added[i % 2])));
  });

  it('leave a function without any as it is', () => {
    const plain = { ...doubling, code: [...two, ...localSet(2)] };
    expect(withHeldConstants(plain)).toBe(plain);
  });

  it('are found behind every kind of immediate', () => {
    const kinds = [
      ...[localGet(300), i32Const(-70_000), v128Load(70_000), storeLane(3, 2), splatAt(130), simd(0x105), odd],
      ...[MEMORY_COPY, [0x43, 0, 0xfd, 12, 3], [0x28, 2, 0x80, 1], [0x04, 0x40], simd(0xe4), [0x0b]],
      ...[simd(0x0d).concat(odd.slice(2)), [...simd(0x15), 0xfd % 16], [0x0d, 0]],
    ];
    expect(instructionsOf(kinds.flat()).map(({ bytes }) => bytes)).toEqual(kinds);
    expect(instructionsOf(advance(1, i32Const(64))).length).toBe(4);
  });
});
