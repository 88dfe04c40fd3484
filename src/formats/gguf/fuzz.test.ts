/** Seeded random damage to a small valid file: it opens, or says in a typed error what is wrong, and soon. */
import { describe, expect, it } from 'vitest';
import { family } from '../../../test/fixtures/families/family_model.ts';
import { ggufBlob, ggufFamily } from '../../../test/fixtures/gguf_model.ts';
import { WhittleError } from '../../errors/errors.ts';
import { openModel } from '../../models/open_model.ts';
import { blobSource } from '../source.ts';
import { readGgufHeader } from './header.ts';

const RUNS = 120;
/** Large numbers that lengths and counts go wrong with. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];

/** A 32-bit generator (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Overwrites, removes, doubles or cuts bytes of the header, where all structure is. */
function damage(valid: Uint8Array, header: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = seeded(seed);
  // half of the damage to the first kilobyte, which the tokens would otherwise drown
  const at = random(random(2) === 0 ? Math.min(1024, header) : header);
  const length = 1 + random(8);
  switch (random(5)) {
    case 0: {
      const bytes = valid.slice();
      for (let i = 0; i < length; i++) bytes[at + i] = random(256);
      return bytes;
    }
    case 1:
      return valid.slice().fill(EXTREMES[random(EXTREMES.length)], at, at + length);
    case 2:
      return join(valid.subarray(0, at), valid.subarray(at + length));
    case 3:
      return join(valid.subarray(0, at + length), valid.subarray(at));
    default:
      return valid.slice(0, random(valid.length));
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

describe('damaged GGUF files', () => {
  it(`open or are refused with a reason, ${RUNS} of them`, async () => {
    const blob = await ggufBlob(ggufFamily(await family('llama')));
    const valid = new Uint8Array(await blob.arrayBuffer());
    const { data_offset } = await readGgufHeader(blobSource('m.gguf', blob));
    const outcomes = new Map<string, number>();
    for (let seed = 0; seed < RUNS; seed++) {
      const damaged = damage(valid, data_offset, seed);
      const started = performance.now();
      const outcome = await openModel([{ path: 'm.gguf', blob: new Blob([damaged]) }]).then(
        () => 'opened',
        (thrown: unknown) => {
          expect(thrown, `seed ${seed}: ${(thrown as Error).stack}`).toBeInstanceOf(WhittleError);
          expect((thrown as WhittleError).isBadInput, `seed ${seed}: ${(thrown as Error).message}`).toBe(true);
          return (thrown as WhittleError).code;
        },
      );
      expect(performance.now() - started, `seed ${seed}`).toBeLessThan(2000);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // the damage is real, and no one kind of answer stands for all
    expect(outcomes.get('bad_gguf')).toBeGreaterThan(RUNS / 5);
    expect(outcomes.size).toBeGreaterThan(3);
  });
});
