/**
 * @file The page's end of the engine protocol: sends commands, delivers events and results. A Worker that died is replaced
 * at once; its commands fail, and who listens is told that the new one knows nothing yet.
 */
import { cancelled, WhittleError } from '../errors/errors.ts';
import { HeapMeter } from '../platform/heap_meter.ts';
import { holdSession } from '../platform/storage_session.ts';
import { EngineThread } from './engine_thread.ts';
import type { CommandKind, Commands, EngineEvent, FromEngine, SessionRef, ToEngine } from './protocol.ts';

export interface RunOptions {
  onEvent?(event: EngineEvent): void;
  /** Aborting cancels the command; the promise then rejects with `cancelled` once the engine has let go. */
  signal?: AbortSignal;
}

/** `asked_for`: the person asked for the download that these belong to. */
export type OutsideListener = (urls: string[], asked_for: boolean) => void;
export type StopListener = (error: WhittleError) => void;

interface Pending {
  resolve(result: unknown): void;
  reject(error: WhittleError): void;
  onEvent?(event: EngineEvent): void;
}

export class EngineClient {
  /** Held by this page, so that what is stored outlives a Worker. */
  private held = holdSession();
  private readonly pending = new Map<number, Pending>();
  private readonly outsideListeners = new Set<OutsideListener>();
  private readonly stopListeners = new Set<StopListener>();
  private readonly heap = new HeapMeter((bytes) => this.thread?.send({ type: 'heap', bytes }));
  private thread?: EngineThread;
  private generation = 0;
  private nextId = 1;

  constructor() {
    this.start();
  }

  /**
   * Sends a command. Commands run one after another, in the order they are sent. Rejects with {@link WhittleError}:
   * `engine_stopped` where the Worker died meanwhile, `engine_stalled` where it is replaced because a thread of its does not answer.
   */
  run<K extends CommandKind>(
    kind: K,
    request: Commands[K]['request'],
    options: RunOptions = {},
  ): Promise<Commands[K]['result']> {
    if (options.signal?.aborted) return Promise.reject(cancelled());
    // One that could not be started is tried again with every command.
    const thread = this.thread ?? this.start();
    const id = this.nextId++;
    const cancel = () => thread.send({ type: 'cancel', id });
    options.signal?.addEventListener('abort', cancel, { once: true });
    const result = new Promise<Commands[K]['result']>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject, onEvent: options.onEvent });
    });
    const session = kind === 'open' ? (request as Commands['open']['request']).session : undefined;
    const entered = session ? this.entering(session, result) : result;
    thread.send({ type: 'command', id, kind, request } as ToEngine);
    this.heap.sample();
    // A model's peak begins with it: short jobs would end before the next question is due.
    if (kind === 'open')
      result.then(
        () => this.heap.sampleAnew(),
        () => undefined,
      );
    return entered.finally(() => options.signal?.removeEventListener('abort', cancel));
  }

  /** Calls back for every request to another origin by the engine's threads. Returns how to stop. */
  onOutsideRequests(listener: OutsideListener): () => void {
    this.outsideListeners.add(listener);
    return () => this.outsideListeners.delete(listener);
  }

  /** Calls back when a Worker died and another has taken its place, without backend, model and runs. Returns how to stop. */
  onStopped(listener: StopListener): () => void {
    this.stopListeners.add(listener);
    return () => this.stopListeners.delete(listener);
  }

  /** Ends the Worker; its memory and open files are freed by the browser. */
  dispose(): void {
    this.thread?.end();
    this.fail(cancelled());
  }

  /** The session that is worked in, and how many engines it has had. */
  get session(): SessionRef {
    return { id: this.held.id, engines: this.generation };
  }

  /** Goes on in another session once the engine has; its lock is held from before the engine enters it. */
  private async entering<T>({ id, engines }: SessionRef, open: Promise<T>): Promise<T> {
    const next = holdSession(id);
    try {
      const result = await open;
      this.held.release();
      this.held = next;
      this.generation = engines + 1;
      return result;
    } catch (thrown) {
      next.release();
      throw thrown;
    }
  }

  private start(): EngineThread {
    const thread = new EngineThread(this.held.id, this.generation++, {
      onMessage: (message) => this.receive(message),
      onDeath: (reason, wasAlive, error) => this.replace(error ?? stopped(reason, wasAlive), wasAlive),
    });
    this.thread = thread;
    return thread;
  }

  private receive(message: FromEngine): void {
    if (message.type === 'outside_requests') {
      for (const listener of this.outsideListeners) listener(message.urls, message.asked_for);
      return;
    }
    if (message.type === 'alive' || message.type === 'quiet' || message.type === 'stalled') return;
    const pending = this.pending.get(message.id);
    if (!pending) return;
    if (message.type === 'event') {
      this.heap.sample();
      pending.onEvent?.(message.event);
      return;
    }
    this.pending.delete(message.id);
    if (message.type === 'result') {
      pending.resolve(message.result);
      return;
    }
    const error = WhittleError.fromData(message.error);
    pending.reject(error);
    // Its event loop turns, but it cannot compute any more: its memory has to go with its threads.
    if (error.code === 'engine_stalled') this.thread?.giveUp(error);
  }

  private replace(error: WhittleError, wasAlive: boolean): void {
    this.thread = undefined;
    this.fail(error);
    if (!wasAlive) return;
    this.start();
    for (const listener of this.stopListeners) listener(error);
  }

  private fail(error: WhittleError): void {
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}

function stopped(reason: string, wasAlive: boolean): WhittleError {
  return new WhittleError({
    code: 'engine_stopped',
    message: `The engine stopped: ${reason.replace(/\.$/, '')}.`,
    action: wasAlive
      ? 'It was started anew. If it stops again, use fewer or shorter windows or a smaller model, and close other tabs.'
      : 'Reload the page. If that does not help, the app may not be installed completely: build it again.',
  });
}
