/**
 * @file The engine: runs commands one after another against one state, reports events, can be cancelled. It knows no
 * Worker: `worker.ts` connects it to messages, tests call it directly.
 */
import type { Backend } from '../backend/backend.ts';
import { toErrorData, WhittleError } from '../errors/errors.ts';
import { listCache } from '../platform/hub/cache.ts';
import { quietly } from '../pulse/pulse.ts';
import { inSpan, startTimeline, timelineSpans } from '../pulse/timeline.ts';
import { compressCommand } from './compress_command.ts';
import { diffCommand } from './diff/diff_command.ts';
import { setExamplesCommand } from './examples/set_examples.ts';
import { exportCommand } from './export/export_command.ts';
import { generateCommand } from './generate/generate_command.ts';
import { tokenLossesCommand } from './generate/losses_command.ts';
import { deleteCommand, downloadCommand, lookUpCommand } from './hub_commands.ts';
import { setImatrixCommand } from './imatrix/set_imatrix.ts';
import { writeImatrixCommand } from './imatrix/write_imatrix.ts';
import { afterCommand } from './kept/after_command.ts';
import { restoreCommand } from './kept/restore_command.ts';
import { calibrateCommand, evaluateCommand } from './measure_commands.ts';
import { openCommand } from './open_command.ts';
import { planCommand } from './plan_command.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport } from './progress.ts';
import type { BackendInfo, BackendKind, CommandKind, Commands } from './protocol.ts';
import { planSolveCommand } from './solve/plan_solve.ts';
import { solveCommand, solveTimeCommand } from './solve/solve_command.ts';
import { EngineState } from './state.ts';
import { explainFullStorage } from './storage_check.ts';
import { scoreCommand, setTasksCommand } from './tasks_command.ts';
import { setTextsCommand } from './texts_command.ts';

type Handlers = {
  [K in CommandKind]: (
    request: Commands[K]['request'],
    emit: Emit,
    signal: AbortSignal,
  ) => Promise<Commands[K]['result']>;
};

/** They touch neither model nor device, so they need not wait for a job. */
const UNQUEUED: ReadonlySet<CommandKind> = new Set(['room', 'hub_lookup', 'hub_download', 'hub_cache', 'hub_delete']);

/**
 * Where other people's code parses and tokenises, which cannot beat in between (`src/pulse`), and where a method may hold
 * loops that do not beat yet; in seconds. A Worker that ended is known at once all the same.
 */
const QUIET_S: Partial<Record<CommandKind, number>> = {
  start: 60,
  open: 120,
  set_texts: 300,
  set_tasks: 60,
  set_examples: 60,
  score: 60,
  compress: 60,
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
    const { state } = this;
    this.handlers = {
      start: ({ backend, timeline }) => {
        if (timeline) startTimeline();
        return this.start(backend);
      },
      timeline: async () => [...timelineSpans(), ...(this.state.backend?.spans?.() ?? [])],
      open: (request) => openCommand(state, platform, request),
      set_texts: (settings, emit, signal) => setTextsCommand(state, platform, settings, emit, signal),
      evaluate: (request, emit, signal) => evaluateCommand(state, platform, request, emit, signal),
      generate: (request, emit, signal) => generateCommand(state, platform, request, emit, signal),
      token_losses: (request, emit, signal) => tokenLossesCommand(state, request, emit, signal),
      set_tasks: ({ files, limit }) => setTasksCommand(state, files, limit),
      set_examples: ({ files }) => setExamplesCommand(state, files),
      score: ({ target }, emit, signal) => scoreCommand(state, target, emit, signal),
      calibrate: ({ fusion }, emit, signal) => calibrateCommand(state, platform, fusion, emit, signal),
      compress: (request, emit, signal) => compressCommand(state, platform, request, emit, signal),
      solve: (request, emit, signal) => solveCommand(state, platform, request, emit, signal),
      solve_time: (request, emit, signal) => solveTimeCommand(state, platform, request, emit, signal),
      plan: (request) => planCommand(state, request),
      plan_solve: (request) => planSolveCommand(state, request),
      export: (request, emit, signal) => exportCommand(state, platform, request, emit, signal),
      write_imatrix: (_, emit, signal) => writeImatrixCommand(state, platform, emit, signal),
      set_imatrix: ({ file }) => setImatrixCommand(state, file),
      restore: (request) => restoreCommand(state, platform, request),
      diff: (request, emit, signal) => diffCommand(state, platform, request, emit, signal),
      discard: async ({ id }) => {
        await state.dropRun(id);
        return null;
      },
      memory: async () => memoryReport(state),
      room: async ({ needed }) => (await platform.freeStorage?.(needed)) ?? null,
      hub_lookup: ({ name }, _, signal) => lookUpCommand(platform, name, signal),
      hub_download: ({ plan }, emit, signal) => downloadCommand(state, platform, plan, emit, signal),
      hub_cache: () => listCache(),
      hub_delete: ({ keys }) => deleteCommand(keys),
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
        await afterCommand(this.state, this.platform, kind, request, result);
        return result;
      } catch (error) {
        if (error instanceof WhittleError && error.code === 'device_lost') this.restart = this.state.backend?.info.kind;
        throw error;
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
      throw await explainFullStorage(this.state, this.platform, error);
    }
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
    return backend.info;
  }

  /** A new device after a loss. Models, bases and measurements lie outside the device and stay as they are. */
  private async recover(kind: BackendKind): Promise<void> {
    const backend = await this.platform.createBackend(kind);
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
