/**
 * @file A computed model as JSON: its structure, and of each weight where its numbers lie, in the files that were opened or in
 * scratch files that are kept. Another engine that opened the same files makes the same model of it, bit for bit.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import { type DecoderModel, type Rotary, storedWeights, type WeightRef } from '../decoder_model.ts';
import type { Packing } from '../packed/packing.ts';
import { packedRef, storePacked } from '../packed/store.ts';
import { type ScratchSlot, type ScratchStore, scratchWeight } from '../scratch.ts';
import { asFloatType, renamed } from '../weight_views.ts';
import { decodeGraph, encodeGraph } from './graph.ts';
import { originOf, type StoredPlace, setOrigin } from './origin.ts';

interface Block {
  readonly rows: { readonly start: number; readonly end: number };
  readonly place: StoredPlace;
}

export type WeightRecord =
  /** The n-th stored weight of the model that was opened. */
  | { kind: 'opened'; index: number; name: string; shape: Shape }
  | { kind: 'blocks'; name: string; dtype: DType; shape: Shape; blocks: readonly Block[] }
  | {
      kind: 'packed';
      name: string;
      shape: Shape;
      packing: Packing;
      parts: readonly { part: string; place: StoredPlace }[];
    }
  /** `of`: index among the record's weights. */
  | { kind: 'float'; name: string; of: number; dtype: DType & ('F32' | 'F16' | 'BF16') };

export interface ModelRecord {
  readonly weights: readonly WeightRecord[];
  /** Of `encodeGraph`, weights by their index. */
  readonly structure: unknown;
}

/** Finds a stretch of a kept scratch file. */
export type FindSlot = (place: StoredPlace) => ScratchSlot;

/** What a record of a model needs beside the model: it may be any part of one, such as a few layers. */
export interface RecordContext {
  /** The model as it was opened. */
  readonly opened: DecoderModel;
  /** Takes copies of numbers that lie in no kept file. Throws `storage_full`. */
  readonly copies: ScratchStore;
}

/** Rows are copied so many bytes at a time. */
const COPY_BYTES = 16 * 1024 * 1024;

export class ModelRecorder {
  private readonly opened: ReadonlyMap<WeightRef, number>;
  private readonly known = new Map<WeightRef, number>();
  private readonly weights: WeightRecord[] = [];

  constructor(private readonly context: RecordContext) {
    this.opened = new Map(storedWeights(context.opened).map((ref, index) => [ref, index]));
  }

  /** A record of `value`, which may be a model, a layer or anything else that holds weights. */
  async record(value: unknown): Promise<ModelRecord> {
    for (const ref of weightsIn(value)) await this.add(ref);
    const rotaries = rotariesOf(this.context.opened);
    const structure = encodeGraph(value, (object) => {
      const rotary = rotaries.indexOf(object as Rotary);
      // Weights count upwards from 0, tables of rotation downwards from −1.
      return rotary >= 0 ? -1 - rotary : this.known.get(object as WeightRef);
    });
    return { weights: [...this.weights], structure };
  }

  private async add(ref: WeightRef): Promise<number> {
    const known = this.known.get(ref);
    if (known !== undefined) return known;
    const record = await this.weight(ref);
    const index = this.weights.push(record) - 1;
    this.known.set(ref, index);
    return index;
  }

  private async weight(ref: WeightRef): Promise<WeightRecord> {
    const { name, shape, dtype } = ref;
    const index = this.opened.get(ref);
    if (index !== undefined) return { kind: 'opened', index, name, shape };
    const origin = originOf(ref) ?? originOf(await this.copied(ref));
    if (origin?.kind === 'blocks') return { kind: 'blocks', name, dtype, shape, blocks: origin.blocks };
    if (origin?.kind === 'packed') return { kind: 'packed', name, shape, packing: origin.packing, parts: origin.parts };
    if (origin) return { kind: 'float', name, of: await this.add(origin.of), dtype: origin.dtype };
    throw new WhittleError({
      code: 'internal',
      message: `The store for ${name} keeps no names.`,
      place: { tensor: name },
    });
  }

  private async copied(ref: WeightRef): Promise<WeightRef> {
    const { name, dtype, shape, packed, unpack } = ref;
    const { copies } = this.context;
    if (packed && unpack) return storePacked(copies, name, await unpack());
    const rowBytes = Math.max(1, (elementCount(shape) / (shape[0] || 1)) * bytesPerElement(dtype));
    const step = Math.max(1, Math.floor(COPY_BYTES / rowBytes));
    const blocks: { rows: Block['rows']; slot: ScratchSlot }[] = [];
    for (let start = 0; start < shape[0]; start += step) {
      const rows = { start, end: Math.min(shape[0], start + step) };
      blocks.push({ rows, slot: await copies.append(await ref.read(rows)) });
    }
    return scratchWeight(name, dtype, shape, blocks);
  }
}

/** Throws `bad_session` where the record is of another model, or of no model at all. */
export function restoreModel<T = DecoderModel>(record: ModelRecord, opened: DecoderModel, find: FindSlot): T {
  const sources = storedWeights(opened);
  const made: WeightRef[] = [];
  for (const weight of record.weights) made.push(restoreWeight(weight, sources, made, find));
  const rotaries = rotariesOf(opened);
  return decodeGraph(record.structure, (index) => (index < 0 ? rotaries[-1 - index] : made[index])) as T;
}

function restoreWeight(
  record: WeightRecord,
  sources: readonly WeightRef[],
  made: readonly WeightRef[],
  find: FindSlot,
): WeightRef {
  if (record.kind === 'opened') {
    const ref = sources[record.index];
    if (ref?.name === record.name && String(ref.shape) === String(record.shape)) return ref;
    throw new WhittleError({
      code: 'bad_session',
      message: `The stored run was made of a model with ${record.name} (${record.shape.join(' × ')}) as weight ${record.index}; the open one has ${ref ? `${ref.name} (${ref.shape.join(' × ')})` : 'none'} there.`,
      place: { tensor: record.name },
      action: 'Open the files that the session was made with.',
    });
  }
  if (record.kind === 'float') return renamed(asFloatType(made[record.of], record.dtype), record.name);
  const { name, shape } = record;
  if (record.kind === 'blocks') {
    return scratchWeight(
      name,
      record.dtype,
      shape,
      record.blocks.map(({ rows, place }) => ({ rows, slot: find(place) })),
    );
  }
  const { packing, parts } = record;
  const slots = new Map(parts.map(({ part, place }) => [part, find(place)]));
  const ref = packedRef(name, shape, packing, async (part, start, length) => {
    const slot = slots.get(part);
    if (!slot) throw new WhittleError({ code: 'internal', message: `${name} has no part "${part}".` });
    return slot.read(start, length);
  });
  return setOrigin(ref, { kind: 'packed', packing, parts });
}

/** Names of the scratch files that a record needs. */
export function filesOf({ weights }: ModelRecord): string[] {
  const places = weights.flatMap((weight) => {
    if (weight.kind === 'blocks') return weight.blocks.map(({ place }) => place.file);
    return weight.kind === 'packed' ? weight.parts.map(({ place }) => place.file) : [];
  });
  return [...new Set(places)];
}

/** Layers that turn alike share one object, in the next engine too: tables are made, and written, once for each. */
function rotariesOf({ layers }: DecoderModel): Rotary[] {
  return [...new Set(layers.flatMap(({ attention: { rotary } }) => (rotary ? [rotary] : [])))];
}

function weightsIn(value: unknown): WeightRef[] {
  const found = new Set<WeightRef>();
  const seen = new Set<object>();
  const walk = (each: unknown) => {
    if (typeof each !== 'object' || each === null || seen.has(each) || ArrayBuffer.isView(each)) return;
    seen.add(each);
    if (typeof (each as WeightRef).read === 'function') {
      found.add(each as WeightRef);
      return;
    }
    for (const field of Object.values(each)) walk(field);
  };
  walk(value);
  return [...found];
}
