/**
 * @file One Worker of the engine, and what tells that it is gone: an uncaught error, silence (`life_watch.ts`), or its Web
 * Lock, which the browser lets go of the moment the Worker ends, however it ended.
 */
import { WhittleError } from '../errors/errors.ts';
import { pageEndpoint } from '../platform/hub/endpoint.ts';
import { watchLock } from '../platform/storage_session.ts';
import { createPulse, LifeWatch } from './life_watch.ts';
import type { FromEngine, ToEngine } from './protocol.ts';

export interface ThreadEvents {
  onMessage(message: FromEngine): void;
  /** Called once; the Worker is ended by then. `wasAlive`: it had answered before. `error`: its own last word. */
  onDeath(reason: string, wasAlive: boolean, error?: WhittleError): void;
}

export class EngineThread {
  private readonly worker: Worker;
  private readonly watch: LifeWatch;
  private readonly over = new AbortController();
  private wasAlive = false;

  /** @param session Whose storage it works in. @param generation How many Workers this page had before. */
  constructor(
    session: string,
    generation: number,
    private readonly events: ThreadEvents,
  ) {
    const pulse = createPulse();
    this.watch = new LifeWatch(pulse, (seconds) => this.die(`it gave no sign of life for ${seconds} s`));
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'whittle-engine' });
    this.worker.onmessage = ({ data }: MessageEvent<FromEngine>) => this.receive(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.die(event.message || (this.wasAlive ? 'it met an error' : 'its script could not be started'));
    };
    this.worker.onmessageerror = () => this.die('a message could not be read');
    this.send({ type: 'init', base: document.baseURI, hub_endpoint: pageEndpoint(), session, generation, pulse });
  }

  send(message: ToEngine): void {
    this.worker.postMessage(message);
  }

  end(): void {
    this.over.abort();
    this.watch.stop();
    this.worker.onerror = null;
    this.worker.terminate();
  }

  private receive(message: FromEngine): void {
    if (this.over.signal.aborted) return;
    this.wasAlive = true;
    if (message.type === 'quiet') this.watch.allow(message.seconds);
    else this.watch.heard();
    if (message.type === 'stalled') this.giveUp(WhittleError.fromData(message.error));
    else if (message.type === 'alive') this.follow(message.lock);
    else if (message.type !== 'quiet') this.events.onMessage(message);
  }

  /** The lock can be had only when the Worker is gone. */
  private follow(lock: string | undefined): void {
    if (lock)
      watchLock(lock, this.over.signal, () => this.die('the browser ended it, which it does when memory runs out'));
  }

  /** Ends a Worker that said of itself that it cannot go on. */
  giveUp(error: WhittleError): void {
    this.die(error.message, error);
  }

  private die(reason: string, error?: WhittleError): void {
    if (this.over.signal.aborted) return;
    this.end();
    this.events.onDeath(reason, this.wasAlive, error);
  }
}
