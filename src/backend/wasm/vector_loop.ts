/**
 * @file Loops over vectors that go by two at a time, and once more where one is left: their chains of instructions overlap, and an
 * engine that joins pairs of vectors into 256-bit ones finds them. Every vector gets the same instructions as alone.
 */
import { advance, I32_ADD, i32Const, ifThen, isBelow, localGet, repeatWhile } from '../linalg/wasm_module.ts';

/** Bytes of a vector. */
const [ONE, TWO] = [16, 32];

/** One of the vectors of a round: its own locals are numbered by `slot`, its bytes are `offset` behind the addresses. */
export interface Slot {
  readonly slot: number;
  readonly offset: number;
}

const PAIR: readonly Slot[] = [
  { slot: 0, offset: 0 },
  { slot: 1, offset: ONE },
];

/**
 * Code for each vector from address `at` on while it is below `end`.
 * @param body Of one round: does the same for each of its slots.
 * @param along Addresses that go on with `at`.
 */
export function eachVector(
  at: number,
  end: number,
  body: (slots: readonly Slot[]) => readonly number[],
  along: readonly number[] = [],
): number[] {
  const step = (bytes: number) => [at, ...along].flatMap((local) => advance(local, i32Const(bytes)));
  // The last may end behind `end`.
  const isOne = isBelow(localGet(at), localGet(end));
  const areTwo = isBelow([...localGet(at), ...i32Const(ONE), I32_ADD], localGet(end));
  return [
    ...ifThen(areTwo, repeatWhile(areTwo, [...body(PAIR), ...step(TWO)])),
    ...ifThen(isOne, [...body(PAIR.slice(0, 1)), ...step(ONE)]),
  ];
}

/** The same step for each slot, one behind the other: chains that do not depend on one another overlap. */
export const eachSlot = (slots: readonly Slot[], code: (slot: Slot) => readonly number[]): number[] =>
  slots.flatMap((slot) => [...code(slot)]);
