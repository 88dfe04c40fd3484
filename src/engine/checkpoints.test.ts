/** Checkpoints of trainings in pieces: whole again, overwritten in turn, and never half of one. */
import { expect, it } from 'vitest';
import { memoryKept } from '../../test/support/memory_kept.ts';
import type { StoredBytes } from '../compress/train/checkpoint.ts';
import { memoryScratch } from '../models/scratch.ts';
import { Checkpoints, PIECE_BYTES, type TrainingPlace } from './checkpoints.ts';

const kept = () =>
  memoryKept(() => {
    throw new Error('nothing is exported');
  });
const calibration = {};

function place(outer?: ReturnType<typeof kept>): TrainingPlace {
  const createScratch = outer?.createScratch ?? (async () => memoryScratch());
  return { key: 'a recipe', calibration, createScratch, ...(outer && { outer: { kept: outer, key: 'a model, ' } }) };
}

/** Bytes that tell where they stand. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 8) * 7 + seed;
  return bytes;
}

/** @param fault Thrown behind all parts. */
async function* inParts(bytes: Uint8Array, size: number, fault?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  if (fault) throw fault;
}

async function whole(stored: StoredBytes | undefined): Promise<Uint8Array | undefined> {
  return stored?.read(0, stored.bytes);
}

const LONG = Math.floor(2.3 * PIECE_BYTES);

it.each([
  ['in this engine', false],
  ['in the next engine', true],
])('a checkpoint of several pieces is whole again, %s', async (_, isNext) => {
  const outer = kept();
  const first = pattern(LONG, 1);
  const checkpoints = new Checkpoints();
  await checkpoints.of(place(outer)).write(inParts(first, 300_007));
  const stored = await (isNext ? new Checkpoints() : checkpoints).of(place(outer)).read();
  expect(Buffer.compare((await whole(stored)) as Uint8Array, first)).toBe(0);
  const [from, length] = [PIECE_BYTES - 5, PIECE_BYTES + 9];
  expect(Buffer.compare((await stored?.read(from, length)) as Uint8Array, first.subarray(from, from + length))).toBe(0);
});

it.each([
  ['one that outlives the engine', true],
  ['one in memory', false],
])('the next one takes its place, longer, shorter, as long: %s', async (_, isKept) => {
  const outer = isKept ? kept() : undefined;
  const store = new Checkpoints().of(place(outer));
  for (const [seed, length] of [LONG, LONG + PIECE_BYTES, 1000, LONG, LONG + 100].entries()) {
    const bytes = pattern(length, seed);
    await store.write(inParts(bytes, 1_000_003));
    expect(Buffer.compare((await whole(await store.read())) as Uint8Array, bytes)).toBe(0);
  }
});

it('one that cannot be finished leaves the one before, where both have room', async () => {
  const outer = kept();
  const store = new Checkpoints().of(place(outer));
  const first = pattern(LONG, 1);
  await store.write(inParts(first, 500_000));
  const fault = new Error('the device is lost');
  await expect(store.write(inParts(pattern(LONG, 2), 500_000, fault))).rejects.toBe(fault);
  expect(Buffer.compare((await whole(await store.read())) as Uint8Array, first)).toBe(0);
  const next = await new Checkpoints().of(place(outer)).read();
  expect(Buffer.compare((await whole(next)) as Uint8Array, first)).toBe(0);
});

it('one that cannot be finished is none, where there is room for one', async () => {
  const store = new Checkpoints().of(place());
  await store.write(inParts(pattern(LONG, 1), 500_000));
  const fault = new Error('the device is lost');
  await expect(store.write(inParts(pattern(LONG, 2), 500_000, fault))).rejects.toBe(fault);
  expect(await store.read()).toBeUndefined();
});

it('a removed one is gone, here and for the next engine', async () => {
  const outer = kept();
  const store = new Checkpoints().of(place(outer));
  await store.write(inParts(pattern(1000, 1), 100));
  await store.remove();
  expect(await store.read()).toBeUndefined();
  expect(await new Checkpoints().of(place(outer)).read()).toBeUndefined();
});
