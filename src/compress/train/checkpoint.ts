/** @file A training as bytes: everything that the steps to come depend on, so that one that was broken off goes on with the same bits. */
import type { TrainingPoint } from './report.ts';

/** Where the last checkpoint of one training is kept; whoever runs the method says where, and for which training. */
export interface CheckpointStore {
  /** Undefined where nothing was written since `remove`. */
  read(): Promise<Uint8Array | undefined>;
  /** Takes the place of the one before. */
  write(bytes: Uint8Array): Promise<void>;
  remove(): Promise<void>;
}

export type Table = Float32Array | Float64Array;

export interface Checkpoint {
  readonly step: number;
  readonly curve: readonly TrainingPoint[];
  /** `step` is negative where there is none yet. */
  readonly best: { readonly step: number; readonly loss: number; readonly values: readonly Table[] };
  /** Parameters with their moments, then what else the method needs. */
  readonly tables: readonly Table[];
}

interface Head {
  step: number;
  curve: readonly TrainingPoint[];
  best: { step: number; loss: number; tables: number };
  /** Of each table, the best ones, then the others: elements, and whether they are doubles. */
  sizes: number[];
  doubles: boolean[];
}

/** Bytes before each table are made up to a multiple of this. */
const UNIT = 8;

/** A head of JSON with its length before it, then the tables one after another, as the backend holds them. */
export function checkpointBytes({ step, curve, best, tables }: Checkpoint): Uint8Array {
  const all = [...best.values, ...tables];
  const head: Head = {
    ...{ step, curve, best: { step: best.step, loss: best.loss, tables: best.values.length } },
    sizes: all.map(({ length }) => length),
    doubles: all.map((table) => table instanceof Float64Array),
  };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const start = padded(4 + text.byteLength);
  const bytes = new Uint8Array(all.reduce((sum, { byteLength }) => sum + padded(byteLength), start));
  new DataView(bytes.buffer).setUint32(0, text.byteLength, true);
  bytes.set(text, 4);
  let at = start;
  for (const { buffer, byteOffset, byteLength } of all) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += padded(byteLength);
  }
  return bytes;
}

function padded(bytes: number): number {
  return UNIT * Math.ceil(bytes / UNIT);
}

/** Of bytes that {@link checkpointBytes} made. */
export function parseCheckpoint(given: Uint8Array): Checkpoint {
  const bytes = given.byteOffset % UNIT === 0 ? given : given.slice();
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Head;
  let at = bytes.byteOffset + padded(4 + length);
  const all = head.sizes.map((size, i) => {
    const Type = head.doubles[i] ? Float64Array : Float32Array;
    const table = new Type(bytes.buffer as ArrayBuffer, at, size);
    at += padded(table.byteLength);
    return table;
  });
  const { step, loss, tables } = head.best;
  return {
    ...{ step: head.step, curve: head.curve },
    best: { step, loss, values: all.slice(0, tables) },
    tables: all.slice(tables),
  };
}
