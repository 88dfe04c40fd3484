/** @file The page's end of the engine protocol: starts the Worker, sends commands, delivers events and results. */
import { cancelled, WhittleError } from '../errors/errors.ts';
import { HeapMeter } from '../platform/heap_meter.ts';
import { pageEndpoint } from '../platform/hub/endpoint.ts';
import type { CommandKind, Commands, EngineEvent, FromEngine, ToEngine } from './protocol.ts';

export interface RunOptions {
  onEvent?(event: EngineEvent): void;
  /** Aborting cancels the command; the promise then rejects with `cancelled` once the engine has let go. */
  signal?: AbortSignal;
}

/** `asked_for`: the person asked for the download that these belong to. */
export type OutsideListener = (urls: string[], asked_for: boolean) => void;

interface Pending {
  resolve(result: unknown): void;
  reject(error: WhittleError): void;
  onEvent?(event: EngineEvent): void;
}

export class EngineClient {
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private readonly outsideListeners = new Set<OutsideListener>();
  private readonly heap = new HeapMeter((bytes) => this.send({ type: 'heap', bytes }));
  private nextId = 1;
  private crashed?: WhittleError;

  constructor() {
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'whittle-engine' });
    this.worker.onmessage = (message: MessageEvent<FromEngine>) => this.receive(message.data);
    this.worker.onerror = (event) => this.crash(event.message);
    this.worker.onmessageerror = () => this.crash('a message could not be read');
    this.send({ type: 'init', base: document.baseURI, hub_endpoint: pageEndpoint() });
  }

  /** Sends a command. Commands run one after another, in the order they are sent. Rejects with {@link WhittleError}. */
  run<K extends CommandKind>(
    kind: K,
    request: Commands[K]['request'],
    options: RunOptions = {},
  ): Promise<Commands[K]['result']> {
    if (this.crashed) return Promise.reject(this.crashed);
    if (options.signal?.aborted) return Promise.reject(cancelled());
    const id = this.nextId++;
    const cancel = () => this.send({ type: 'cancel', id });
    options.signal?.addEventListener('abort', cancel, { once: true });
    const result = new Promise<Commands[K]['result']>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject, onEvent: options.onEvent });
    });
    this.send({ type: 'command', id, kind, request } as ToEngine);
    this.heap.sample();
    // A model's peak begins with it: short jobs would end before the next question is due.
    if (kind === 'open')
      result.then(
        () => this.heap.sampleAnew(),
        () => undefined,
      );
    return result.finally(() => options.signal?.removeEventListener('abort', cancel));
  }

  /** Calls back for every request to another origin by the engine's threads. Returns how to stop. */
  onOutsideRequests(listener: OutsideListener): () => void {
    this.outsideListeners.add(listener);
    return () => this.outsideListeners.delete(listener);
  }

  /** Ends the Worker; its memory and open files are freed by the browser. */
  dispose(): void {
    this.worker.terminate();
    this.fail(cancelled());
  }

  private send(message: ToEngine): void {
    this.worker.postMessage(message);
  }

  private receive(message: FromEngine): void {
    if (message.type === 'outside_requests') {
      for (const listener of this.outsideListeners) listener(message.urls, message.asked_for);
      return;
    }
    const pending = this.pending.get(message.id);
    if (!pending) return;
    if (message.type === 'event') {
      this.heap.sample();
      pending.onEvent?.(message.event);
      return;
    }
    this.pending.delete(message.id);
    if (message.type === 'result') pending.resolve(message.result);
    else pending.reject(WhittleError.fromData(message.error));
  }

  private crash(reason: string): void {
    this.crashed = new WhittleError({
      code: 'internal',
      message: `The engine stopped: ${reason || 'its Worker could not be started'}.`,
      action: 'Reload the page and open the model again.',
    });
    this.fail(this.crashed);
  }

  private fail(error: WhittleError): void {
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }
}
