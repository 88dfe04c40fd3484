/**
 * @file Finished layers of the job that runs, put down in the session's storage, so that the next engine goes on behind the last
 * of them: after a reload, a closed tab, a Worker or a device that died, a full disk.
 */

import type { Tensor } from '../../backend/backend.ts';
import type { LayerCheckpoints, PassCheckpoint } from '../../compress/method.ts';
import type { TrainedAdapter } from '../../compress/train/trained_adapter.ts';
import { toErrorData } from '../../errors/errors.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { decodeGraph, encodeGraph } from '../../models/record/graph.ts';
import { filesOf, type ModelRecord, ModelRecorder } from '../../models/record/record_model.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import { Arena } from '../../runtime/arena.ts';
import { loadTensor, type SavedTensor, saveTensor } from '../../runtime/saved_tensor.ts';
import type { BatchStates } from '../../runtime/spill.ts';
import type { EnginePlatform } from '../platform.ts';
import type { SiteReport, StepReport, Unfinished } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { type KeptScratch, SharedScratch } from './kept_store.ts';
import { parsed, restoredModel } from './run_records.ts';

export const CHECKPOINT = 'checkpoint.json';
const VERSION = 2;
/** States of many long windows would take longer to write than the layer took to compute. */
const MOST_BYTES = 1e9;
/** A job has its own stream of states, and the dense model's beside it where it is corrected by that. */
const MOST_STREAMS = 2;
/** Bases: the first one, which the head needs, and that of the next layer's input. */
const MATRICES = 2;

/**
 * What finished layers take in storage beside their weights, at most: the last ones go only when the next are there.
 * @param tokens Of all calibration windows. @param element_bytes Of a number as the backend holds it.
 */
export function mostCheckpointBytes(hidden_size: number, tokens: number, element_bytes: number): number {
  const stream = tokens * hidden_size;
  // As `BatchStates` counts them, whatever the backend.
  const streams = Math.min(MOST_STREAMS, Math.floor(MOST_BYTES / (4 * stream)));
  return streams === 0 ? 0 : 2 * element_bytes * (streams * stream + MATRICES * hidden_size ** 2);
}

/** Putting down takes at most this share of the time: what costs 50 ms is done every 2.5 s, and so much is lost at most. */
const SHARE = 0.02;

/** A pass of the recipe that is finished. */
export interface DonePass {
  readonly key: string;
  readonly model: ModelRecord;
  readonly steps: readonly StepReport[];
  /** Where the pass trained one. */
  readonly adapter?: ModelRecord;
  /** `encodeGraph` of them: spectra are typed arrays. */
  readonly sites: unknown;
}

/** A pass as the job knows it. */
export interface KnownPass {
  readonly model: DecoderModel;
  readonly steps: readonly StepReport[];
  readonly sites: readonly SiteReport[];
  readonly adapter?: TrainedAdapter | undefined;
}

interface Layers {
  /** Of the pass that they belong to. */
  readonly key: string;
  readonly done: number;
  readonly layers: number;
  readonly value: ModelRecord;
  readonly streams: Readonly<Record<string, readonly SavedTensor[]>>;
  readonly tensors: Readonly<Record<string, SavedTensor>>;
}

interface CheckpointRecord {
  readonly version: number;
  /** Of the input: model, texts, backend. */
  readonly key: string;
  /** Of the recipe. */
  readonly steps: Unfinished['steps'];
  readonly passes: readonly DonePass[];
  readonly layers: Layers | null;
}

/** What every number of a job depends on beside its recipe. */
export function inputKey(state: EngineState): string {
  const { summary } = state.requireModel();
  const { protocol, calibration } = state.requireTexts();
  const { kind, vendor, architecture, description } = state.requireBackend().info;
  const { importance } = state;
  return JSON.stringify([
    ...[summary.fingerprint, protocol.seqlen, protocol.samples, protocol.bos, calibration.count],
    protocol.calibration.digest ?? null,
    ...[kind, vendor, architecture, description],
    importance?.report.sha256 ?? null,
  ]);
}

export class JobCheckpoints {
  /** Of passes and layers that were taken over: the run stands on them. */
  readonly scratch: ScratchStore[] = [];
  private readonly passes: DonePass[] = [];
  private found: CheckpointRecord | null = null;
  private states?: ScratchStore;
  private saved_at = 0;
  private cost_ms = 0;
  private isWritten = false;

  private constructor(
    private readonly state: EngineState,
    private readonly platform: EnginePlatform,
    private readonly steps: Unfinished['steps'],
  ) {}

  /** Reads what a job of the same kind on the same input had put down. Undefined where nothing outlives the engine. */
  static async open(
    state: EngineState,
    platform: EnginePlatform,
    steps: Unfinished['steps'],
  ): Promise<JobCheckpoints | undefined> {
    if (!platform.kept) return undefined;
    const own = new JobCheckpoints(state, platform, steps);
    const found = await readCheckpoint(platform);
    if (found && found.key === inputKey(state)) own.found = found;
    return own;
  }

  /** A pass that is done already. */
  async pass(key: string): Promise<(KnownPass & { scratch: ScratchStore[] }) | undefined> {
    const done = this.found?.passes.find((each) => each.key === key);
    if (!done) return undefined;
    const { model, scratch } = await restoredModel(this.state, this.shared(), done.model);
    const kept = done.adapter && (await restoredModel<TrainedAdapter>(this.state, this.shared(), done.adapter));
    this.passes.push(done);
    const sites = decodeGraph(done.sites) as readonly SiteReport[];
    return { model, steps: done.steps, sites, adapter: kept?.model, scratch: [...scratch, ...(kept?.scratch ?? [])] };
  }

  /** A pass is done: it need not be done again whatever happens to the next. */
  async finished(key: string, { model, steps, sites, adapter }: KnownPass): Promise<void> {
    await this.quietly(async () => {
      const { recorder, copies } = await this.recorder();
      const record = await recorder.record(model);
      const learnt = adapter && (await recorder.record(adapter));
      if (filesOf(learnt ?? record).length > 0) this.scratch.push(copies);
      this.passes.push({ key, model: record, steps, sites: encodeGraph(sites), ...(learnt && { adapter: learnt }) });
      await this.write(null);
    });
  }

  /** For the layers of one pass. */
  layers(key: string): LayerCheckpoints {
    return {
      take: (streams) => this.take(key, streams),
      save: (checkpoint, streams) => this.save(key, checkpoint, streams),
    };
  }

  /** The job is done, or was cancelled: nothing of it is to be gone on with. */
  async close(): Promise<void> {
    await this.states?.clear();
    this.states = undefined;
    if (this.isWritten || this.found) await this.platform.kept?.remove(CHECKPOINT).catch(() => undefined);
  }

  /** Whether anything is put down that another try can go on with: then its files have to stay. */
  get isKept(): boolean {
    return this.isWritten;
  }

  /** The job failed: lets go of what is put down. */
  async leave(): Promise<void> {
    await this.states?.leave?.();
  }

  private async take<T>(
    key: string,
    streams: Readonly<Record<string, BatchStates>>,
  ): Promise<PassCheckpoint<T> | undefined> {
    const found = this.found?.layers;
    if (!found || found.key !== key) return undefined;
    const { model: value, scratch } = await restoredModel<T>(this.state, this.shared(), found.value);
    this.scratch.push(...scratch);
    const files = new Map<string, KeptScratch>();
    const saved = [...Object.values(found.streams).flat(), ...Object.values(found.tensors)];
    for (const { place } of saved) {
      if (!files.has(place.file)) files.set(place.file, await this.shared().use(place.file));
    }
    const slotOf = (place: SavedTensor['place']) => (files.get(place.file) as KeptScratch).slot(place);
    for (const [name, stream] of Object.entries(streams)) await stream.load(found.streams[name] ?? [], slotOf);
    const arena = new Arena(this.state.requireBackend());
    const tensors: Record<string, Tensor> = {};
    for (const [name, one] of Object.entries(found.tensors)) tensors[name] = await loadTensor(arena, one, slotOf);
    // They are on the device now; the record names them until the next one is written.
    this.states = {
      append: refuse,
      clear: async () => void (await Promise.all([...files.values()].map((each) => each.clear()))),
    };
    this.isWritten = true;
    return { done: found.done, layers: found.layers, value, tensors };
  }

  private async save<T>(
    key: string,
    checkpoint: () => PassCheckpoint<T>,
    streams: Readonly<Record<string, BatchStates>>,
  ): Promise<void> {
    const begun = performance.now();
    if (begun - this.saved_at < this.cost_ms / (this.platform.kept?.share ?? SHARE)) return;
    const bytes = Object.values(streams).reduce((sum, stream) => sum + stream.bytes, 0);
    if (bytes > MOST_BYTES) return;
    await this.quietly(async () => {
      const { value, tensors, done, layers } = checkpoint();
      const states = await this.platform.createScratch();
      try {
        const arena = new Arena(this.state.requireBackend());
        const saved: Record<string, SavedTensor[]> = {};
        for (const [name, stream] of Object.entries(streams)) saved[name] = named(await stream.save(states));
        const matrices: Record<string, SavedTensor> = {};
        for (const [name, tensor] of Object.entries(tensors))
          matrices[name] = named(await saveTensor(arena, tensor, states));
        const { recorder } = await this.recorder();
        const record = await recorder.record(value);
        await this.write({ key, done, layers, value: record, streams: saved, tensors: matrices });
      } catch (thrown) {
        await states.clear();
        throw thrown;
      }
      await this.states?.clear();
      this.states = states;
    });
    this.saved_at = performance.now();
    this.cost_ms = this.saved_at - begun;
  }

  private async write(layers: Layers | null): Promise<void> {
    const { steps, passes } = this;
    const record: CheckpointRecord = { version: VERSION, key: inputKey(this.state), steps, passes, layers };
    await this.platform.kept?.write(CHECKPOINT, JSON.stringify(record));
    this.isWritten = true;
  }

  private async recorder(): Promise<{ recorder: ModelRecorder; copies: ScratchStore }> {
    const copies = await this.platform.createScratch();
    return { recorder: new ModelRecorder({ opened: this.state.requireModel().open.model, copies }), copies };
  }

  private shared(): SharedScratch {
    const { kept } = this.platform;
    if (!kept) throw new Error('Nothing outlives this engine.');
    this.state.shared ??= new SharedScratch(kept);
    return this.state.shared;
  }

  /** A job does not fail because it cannot be put down: it only begins anew then. */
  private async quietly(work: () => Promise<void>): Promise<void> {
    await work().catch((thrown) => console.warn('Finished layers were not put down:', thrown));
  }
}

function named<T>(saved: T | undefined): T {
  if (saved === undefined) throw new Error('The store keeps no names.');
  return saved;
}

function refuse(): never {
  throw new Error('Nothing more is put down here.');
}

/** What the session's job had put down; nothing that cannot be read is gone on with. */
export async function readCheckpoint({ kept }: EnginePlatform): Promise<CheckpointRecord | null> {
  const text = await kept?.read(CHECKPOINT);
  if (text === undefined) return null;
  try {
    return parsed<CheckpointRecord>(text, CHECKPOINT);
  } catch {
    await kept?.remove(CHECKPOINT);
    return null;
  }
}

/** Scratch files that have to stay for it. */
export function checkpointFiles({ passes, layers }: CheckpointRecord): string[] {
  const saved = layers ? [...Object.values(layers.streams).flat(), ...Object.values(layers.tensors)] : [];
  return [
    ...passes.flatMap(({ model, adapter }) => [...filesOf(model), ...(adapter ? filesOf(adapter) : [])]),
    ...(layers ? filesOf(layers.value) : []),
    ...saved.map(({ place }) => place.file),
  ];
}

export function unfinishedOf({ steps, layers }: CheckpointRecord): Unfinished {
  return { steps, layer: layers?.done ?? 0, layers: layers?.layers ?? 0 };
}

/**
 * After a job that did not come to its end: what it wrote goes, unless finished layers are put down and nobody cancelled it; then
 * the same job goes on from there. @param scratch What the job was writing.
 */
export async function giveUp(
  error: unknown,
  signal: AbortSignal,
  checkpoints: JobCheckpoints | undefined,
  scratch: readonly ScratchStore[],
): Promise<void> {
  const isCancelled = signal.aborted || toErrorData(error).code === 'cancelled';
  if (checkpoints?.isKept && !isCancelled) {
    for (const each of scratch) await each.leave?.();
    await checkpoints.leave();
    return;
  }
  for (const each of [...scratch, ...(checkpoints?.scratch ?? [])]) await each.clear();
  await checkpoints?.close();
}
