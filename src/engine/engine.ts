/**
 * @file The engine: runs commands one after another against one state, reports events, can be cancelled. It knows no
 * Worker: `worker.ts` connects it to messages, tests call it directly.
 */
import type { Backend } from '../backend/backend.ts';
import { toErrorData, WhittleError } from '../errors/errors.ts';
import { part } from '../errors/part.ts';
import { quietly } from '../pulse/pulse.ts';
import { endStep, inSpan, startTimeline } from '../pulse/timeline.ts';
import { type Handlers, handlersOf } from './handlers.ts';
import type { EnginePlatform } from './platform.ts';
import type { Emit } from './progress.ts';
import type { BackendInfo, BackendKind, CommandKind, Commands } from './protocol.ts';
import { EngineState } from './state.ts';

/** They change neither model nor device, so they need not wait for a job. */
const UNQUEUED: ReadonlySet<CommandKind> = new Set([
  ...(['room', 'timeline', 'hub_lookup', 'hub_download', 'hub_cache', 'hub_delete'] as const),
]);

/** What they made or measured is written down. */
const CHANGES_RUNS: ReadonlySet<CommandKind> = new Set(['compress', 'evaluate', 'export', 'discard']);

/**
 * Where other people's code parses and tokenises, which cannot beat in between (`src/pulse`), and where a search runs methods whose
 * loops may not beat yet (`compress` allows it pass by pass); in seconds. A Worker that ended is known at once all the same.
 */
const QUIET_S: Partial<Record<CommandKind, number>> = {
  start: 60,
  open: 120,
  set_texts: 300,
  set_tasks: 60,
  set_examples: 60,
  score: 60,
  solve: 60,
};

export class Engine {
  private readonly state = new EngineState();
  /** How many engines this page had before: the names of their runs are taken. */
  set generation(count: number) {
    this.state.generation = count;
  }
  private readonly handlers: Handlers;
  private queue: Promise<unknown> = Promise.resolve();
  /** Set when the device was lost: the next command gets a new one first. */
  private restart?: BackendKind;

  constructor(private readonly platform: EnginePlatform) {
    this.handlers = {
      ...handlersOf(this.state, platform),
      start: ({ backend, timeline }) => {
        if (timeline) startTimeline();
        return this.start(backend);
      },
    };
  }

  /**
   * Queues a command behind those before it; those of the Hub start at once. Rejects with what the command throws; a
   * cancelled one never starts.
   */
  run<K extends CommandKind>(
    kind: K,
    request: Commands[K]['request'],
    emit: Emit = () => {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Commands[K]['result']> {
    if (UNQUEUED.has(kind)) return this.explained(() => this.handlers[kind](request, emit, signal));
    const job = this.queue.then(async () => {
      signal.throwIfAborted();
      if (this.restart && kind !== 'start') await this.recover(this.restart);
      try {
        const result = await quietly(QUIET_S[kind] ?? 0, () =>
          this.explained(() => inSpan(kind, () => this.handlers[kind](request, emit, signal))),
        );
        if (this.platform.kept && CHANGES_RUNS.has(kind)) {
          const { afterCommand } = await part(() => import('./kept/after_command.ts'));
          await afterCommand(this.state, this.platform, kind, request, result);
        }
        return result;
      } catch (error) {
        if (error instanceof WhittleError && error.code === 'device_lost') this.restart = this.state.backend?.info.kind;
        throw error;
      } finally {
        endStep();
      }
    });
    this.queue = job.catch(() => {});
    return job;
  }

  /** Whatever was being written when the browser had no more room. */
  private async explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const error = WhittleError.fromData(toErrorData(thrown));
      if (error.code !== 'storage_full') throw thrown;
      const { explainFullStorage } = await part(() => import('./storage_check.ts'));
      throw await explainFullStorage(this.state, this.platform, error);
    }
  }

  get isOnCpu(): boolean {
    return this.state.backend?.info.kind === 'cpu';
  }

  /** What the browser tells of the memory of page and Workers, at any time. */
  heapMeasured(bytes: number): void {
    const { state } = this;
    state.peak_heap_bytes = Math.max(state.peak_heap_bytes ?? 0, bytes);
  }

  private async start(kind: 'auto' | BackendKind): Promise<BackendInfo> {
    const { state } = this;
    const backend = await this.createBackend(kind);
    this.restart = undefined;
    // What another backend made is as good, but a report must not mix two.
    await state.dropMeasurements();
    for (const id of [...state.runs.keys()]) await state.dropRun(id);
    await state.stages.dropIdle();
    state.backend?.dispose();
    state.backend = backend;
    backend.compileAhead?.();
    return backend.info;
  }

  /** A new device after a loss. Models, bases and measurements lie outside the device and stay as they are. */
  private async recover(kind: BackendKind): Promise<void> {
    const backend = await this.platform.createBackend(kind);
    this.state.denseInputs?.kept.clear();
    this.state.backend?.dispose();
    this.state.backend = backend;
    this.restart = undefined;
  }

  /** `auto`: a GPU where there is one. What a software adapter computes on the processor, the CPU backend computes faster. */
  private async createBackend(kind: 'auto' | BackendKind): Promise<Backend> {
    if (kind !== 'auto') return this.platform.createBackend(kind);
    try {
      const backend = await this.platform.createBackend('webgpu');
      if (!backend.info.isFallbackAdapter) return backend;
      backend.dispose();
    } catch (error) {
      if (!(error instanceof WhittleError && error.code === 'no_webgpu')) throw error;
    }
    return this.platform.createBackend('cpu');
  }
}
