/** @file The engine's Worker: connects messages to the engine and gives it the browser's GPU, storage and files. */
import type { Backend } from '../backend/backend.ts';
import { toErrorData, WhittleError } from '../errors/errors.ts';
import { part } from '../errors/part.ts';
import { memoryScratch } from '../models/scratch.ts';
import { createExportFolder } from '../platform/export_folder.ts';
import { HUB_ENDPOINT } from '../platform/hub/endpoint.ts';
import { keptSession } from '../platform/kept_session.ts';
import { watchOutsideRequests } from '../platform/requests.ts';
import { roomForSession } from '../platform/room.ts';
import { hasScratchFiles, openScratchFile } from '../platform/scratch_file.ts';
import { holdLock, joinSession, storageSession } from '../platform/storage_session.ts';
import { tuningStore } from '../platform/tuning_store.ts';
import { beat, startPulse } from '../pulse/pulse.ts';
import { Engine } from './engine.ts';
import { IdleWatch } from './idle_watch.ts';
import type { EnginePlatform } from './platform.ts';
import type { EngineEvent, FromEngine, ToEngine } from './protocol.ts';
import { verifierThreads, WorkerVerifier } from './verify/verifier.ts';

declare const self: DedicatedWorkerGlobalScope;

/** Where the app's own files lie; the page says so first, because a bundled Worker lies elsewhere. */
let base = self.location.href;
let hub_endpoint: string = HUB_ENDPOINT;
/** Addresses that the person asked for, so that the counter can tell them from any other. */
const askedFor = new Set<string>();

const platform: EnginePlatform = {
  createBackend: (kind) => (kind === 'cpu' ? createThreadedBackend() : createTunedBackend()),
  createScratch: async () => (hasScratchFiles() ? openScratchFile() : memoryScratch()),
  freeStorage: async (needed) => (hasScratchFiles() ? roomForSession(needed) : undefined),
  createExportFolder,
  ...(hasScratchFiles() && { kept: keptSession }),
  openVerifier: (build, runtimes) => new WorkerVerifier(build, onOutsideRequests, verifierThreads(runtimes)),
  demoFile,
  hub: {
    get endpoint() {
      return hub_endpoint;
    },
    fetch: fetchAskedFor,
  },
};

async function createThreadedBackend(): Promise<Backend> {
  const [{ createWasmBackend }, { startComputeThreads }] = await part(() =>
    Promise.all([import('../backend/wasm/wasm_backend.ts'), import('./compute_threads.ts')]),
  );
  return createWasmBackend(await startComputeThreads());
}

/** On hardware, with the matrix kernel that suits the adapter: found once by a short measurement, then remembered. */
async function createTunedBackend(): Promise<Backend> {
  const { createWebGpuBackend } = await part(() => import('../backend/webgpu/webgpu_backend.ts'));
  const backend = await createWebGpuBackend();
  const { vendor, architecture, description } = backend.info;
  const browser = /(?:Firefox|Edg|Chrome|Version)\/\d+/.exec(navigator.userAgent)?.[0] ?? 'browser';
  const key = ['1', browser, vendor, architecture, description].join(' ');
  // Without a measurement the default kernel computes the same.
  await backend.tune(tuningStore, key).catch((thrown) => console.warn('No kernel was chosen:', thrown));
  return backend;
}

/** Outside requests of the engine all go through here; a redirect is a request of its own, to another host. */
async function fetchAskedFor(url: string, init: RequestInit): Promise<Response> {
  askedFor.add(url);
  const response = await fetch(url, init);
  if (response.redirected) post({ type: 'outside_requests', urls: [response.url], asked_for: true });
  return response;
}

async function demoFile(name: string): Promise<Blob> {
  const response = await fetch(new URL(`demo/${name}`, base)).catch((cause) => {
    throw unreachable(name, cause);
  });
  // A server that answers unknown paths with its start page must not pass for a model.
  if (response.ok && !response.headers.get('content-type')?.startsWith('text/html')) return response.blob();
  throw new WhittleError({
    code: 'not_a_model',
    message: `The built-in model's file could not be fetched from this site (status ${response.status}).`,
    place: { file: `demo/${name}` },
    action: 'The app may not be installed completely: build it again, or open a model of your own.',
  });
}

/** The browser tells a page no more than that its request failed. */
function unreachable(name: string, cause: unknown): WhittleError {
  const isText = /\.(?:txt|jsonl)$/.test(name);
  return new WhittleError(
    {
      code: 'site_unreachable',
      message: `${isText ? 'The built-in text' : 'A file of the built-in model'} could not be fetched from ${new URL(base).host}: ${
        navigator.onLine === false ? 'this device is offline.' : 'the site does not answer.'
      }`,
      place: { file: `demo/${name}` },
      action: isText
        ? 'Connect and try again, or choose text files of your own under Calibration: those are read without a network.'
        : 'Connect and try again, or open a model from this device: that is read without a network.',
    },
    { cause },
  );
}

/** How often the event loop says that it turns. */
const BEAT_MS = 1000;

/** Joins the page's session, clears what dead ones left, and lives audibly from now on. */
async function begin({ session, generation, pulse: shared }: Extract<ToEngine, { type: 'init' }>): Promise<void> {
  engine.generation = generation;
  joinSession(session, generation);
  startPulse(shared ?? { beat: () => post({ type: 'alive' }), quiet: (seconds) => post({ type: 'quiet', seconds }) });
  setInterval(() => {
    beat();
    idle.tick();
  }, BEAT_MS);
  const lock = navigator.locks ? `whittle-engine-${session}-${generation}` : undefined;
  if (lock) await holdLock(lock, 'exclusive').catch(() => undefined);
  post({ type: 'alive', lock });
  if (hasScratchFiles()) await storageSession().catch(() => undefined);
}

const engine = new Engine(platform);
watchOutsideRequests(onOutsideRequests);
const idle = new IdleWatch((error) => post({ type: 'stalled', error }));
const running = new Map<number, AbortController>();

function post(message: FromEngine): void {
  self.postMessage(message);
}

function onOutsideRequests(urls: string[]): void {
  const asked = urls.filter((url) => askedFor.has(url));
  const others = urls.filter((url) => !askedFor.has(url));
  if (asked.length > 0) post({ type: 'outside_requests', urls: asked, asked_for: true });
  if (others.length > 0) post({ type: 'outside_requests', urls: others, asked_for: false });
}

/** What opening a model needs, fetched while nobody waits for it. Who opens one asks again for what did not come. */
function fetchAhead(): void {
  const parts = [import('./open_command.ts'), import('../formats/gguf/open.ts'), import('./texts_command.ts')];
  void Promise.allSettled(parts);
}

async function runCommand(message: Extract<ToEngine, { type: 'command' }>): Promise<void> {
  const { id, kind, request } = message;
  const controller = new AbortController();
  running.set(id, controller);
  const emit = (event: EngineEvent) => {
    idle.moved();
    post({ type: 'event', id, event });
  };
  const ended = idle.begin(kind, engine.isOnCpu);
  try {
    const result = await engine.run(kind, request as never, emit, controller.signal);
    post({ type: 'result', id, result });
  } catch (thrown) {
    post({ type: 'error', id, error: toErrorData(thrown) });
  } finally {
    ended();
    running.delete(id);
    if (kind === 'start') fetchAhead();
  }
}

self.onmessage = ({ data }: MessageEvent<ToEngine>) => {
  if (data.type === 'init') {
    ({ base, hub_endpoint } = data);
    void begin(data);
  } else if (data.type === 'cancel') running.get(data.id)?.abort();
  else if (data.type === 'heap') engine.heapMeasured(data.bytes);
  else void runCommand(data);
};
