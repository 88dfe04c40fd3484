/**
 * @file A training as bytes: everything that the steps to come depend on, so that one that was broken off goes on with the same bits.
 * It goes out and comes back a table at a time, so that the host never has all of it.
 */
import type { TrainingPoint } from './report.ts';

/** Where the last checkpoint of one training is kept; whoever runs the method says where, and for which training. */
export interface CheckpointStore {
  /** Undefined where nothing was written since `remove`. */
  read(): Promise<StoredBytes | undefined>;
  /** All parts, one behind the other, take the place of what was written before. A part is used up before the next is asked for. */
  write(parts: AsyncIterable<Uint8Array>): Promise<void>;
  remove(): Promise<void>;
}

export interface StoredBytes {
  readonly bytes: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export type Table = Float32Array | Float64Array;

/** Tables that are read when they are asked for. */
export interface StoredTables {
  readonly count: number;
  table(index: number): Promise<Table>;
}

/** One after another, each made or read when its turn comes. */
export type Tables = Iterable<Table> | AsyncIterable<Table>;

interface State<T> {
  readonly step: number;
  readonly curve: readonly TrainingPoint[];
  /** `step` is negative where there is none yet. */
  readonly best: { readonly step: number; readonly loss: number; readonly values: T };
  /** Parameters with their moments, then what else the method needs. */
  readonly tables: T;
}

export type Checkpoint = State<Tables>;
export type StoredCheckpoint = State<StoredTables>;

/** What stands behind the tables: how long they are is known once they are written. */
interface Contents {
  step: number;
  curve: readonly TrainingPoint[];
  best: { step: number; loss: number; tables: number };
  /** Of each table, the best ones, then the others: elements, and whether they are doubles. */
  sizes: number[];
  doubles: boolean[];
}

/** Each table is followed by zeros up to a multiple of so many bytes. */
const UNIT = 8;
/** Of the contents' length, at the very end. */
const LENGTH_BYTES = 4;

/** The tables one after another, as the backend holds them, then a text of JSON and its length. */
export async function* checkpointParts({ step, curve, best, tables }: Checkpoint): AsyncGenerator<Uint8Array> {
  const [sizes, doubles]: [number[], boolean[]] = [[], []];
  async function* partsOf(some: Tables): AsyncGenerator<Uint8Array> {
    for await (const table of some) {
      sizes.push(table.length);
      doubles.push(table instanceof Float64Array);
      yield bytesOf(table);
      yield new Uint8Array(padded(table.byteLength) - table.byteLength);
    }
  }
  yield* partsOf(best.values);
  const contents = { step, curve, best: { step: best.step, loss: best.loss, tables: sizes.length }, sizes, doubles };
  yield* partsOf(tables);
  const text = new TextEncoder().encode(JSON.stringify(contents));
  yield text;
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.byteLength, true);
  yield length;
}

/** Of bytes that {@link checkpointParts} made; tables stay where they are until they are asked for. */
export async function openCheckpoint(stored: StoredBytes): Promise<StoredCheckpoint> {
  const end = stored.bytes - LENGTH_BYTES;
  const last = await stored.read(end, LENGTH_BYTES);
  const length = new DataView(last.buffer, last.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(await stored.read(end - length, length));
  const { step, curve, best, sizes, doubles } = JSON.parse(text) as Contents;
  const bytes = sizes.map((size, i) => size * (doubles[i] ? 8 : 4));
  const starts = [0];
  for (const each of bytes) starts.push(starts[starts.length - 1] + padded(each));
  const table = async (i: number) => tableOf(await stored.read(starts[i], bytes[i]), doubles[i]);
  const from = (first: number, count: number): StoredTables => ({ count, table: (i) => table(first + i) });
  return {
    ...{ step, curve },
    best: { step: best.step, loss: best.loss, values: from(0, best.tables) },
    tables: from(best.tables, sizes.length - best.tables),
  };
}

/** Tables `start … end`, each read when its turn comes. */
export async function* tablesOf({ count, table }: StoredTables, start = 0, end: number = count): AsyncGenerator<Table> {
  for (let i = start; i < end; i++) yield await table(i);
}

export function bytesOf({ buffer, byteOffset, byteLength }: Table): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Of stored bytes; copied where the store gave a view that does not begin on a whole number. */
export function tableOf(stored: Uint8Array, isDouble: boolean): Table {
  const { buffer, byteOffset, byteLength } = stored.byteOffset % UNIT === 0 ? stored : stored.slice();
  return isDouble
    ? new Float64Array(buffer, byteOffset, byteLength / 8)
    : new Float32Array(buffer, byteOffset, byteLength / 4);
}

function padded(bytes: number): number {
  return UNIT * Math.ceil(bytes / UNIT);
}
