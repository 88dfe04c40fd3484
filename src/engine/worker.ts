/** @file The engine's Worker: connects messages to the engine and gives it the browser's GPU, storage and files. */
import { createWasmBackend } from '../backend/wasm/wasm_backend.ts';
import { createWebGpuBackend, type WebGpuBackend } from '../backend/webgpu/webgpu_backend.ts';
import { toErrorData, WhittleError } from '../errors/errors.ts';
import { memoryScratch } from '../models/scratch.ts';
import { createExportFolder } from '../platform/export_folder.ts';
import { HUB_ENDPOINT } from '../platform/hub/endpoint.ts';
import { freeBytes } from '../platform/opfs.ts';
import { watchOutsideRequests } from '../platform/requests.ts';
import { hasScratchFiles, openScratchFile } from '../platform/scratch_file.ts';
import { tuningStore } from '../platform/tuning_store.ts';
import { startComputeThreads } from './compute_threads.ts';
import { Engine } from './engine.ts';
import type { EnginePlatform } from './platform.ts';
import type { EngineEvent, FromEngine, ToEngine } from './protocol.ts';
import { WorkerVerifier } from './verify/verifier.ts';

declare const self: DedicatedWorkerGlobalScope;

/** Where the app's own files lie; the page says so first, because a bundled Worker lies elsewhere. */
let base = self.location.href;
let hub_endpoint: string = HUB_ENDPOINT;
/** Addresses that the person asked for, so that the counter can tell them from any other. */
const askedFor = new Set<string>();

const platform: EnginePlatform = {
  createBackend: async (kind) =>
    kind === 'cpu' ? createWasmBackend(await startComputeThreads()) : createTunedBackend(),
  createScratch: async () => (hasScratchFiles() ? openScratchFile() : memoryScratch()),
  freeStorage: async () => (hasScratchFiles() ? freeBytes() : undefined),
  createExportFolder,
  openVerifier: (build) => new WorkerVerifier(build, onOutsideRequests),
  demoFile,
  hub: {
    get endpoint() {
      return hub_endpoint;
    },
    fetch: fetchAskedFor,
  },
};

/** On hardware, with the matrix kernel that suits the adapter: found once by a short measurement, then remembered. */
async function createTunedBackend(): Promise<WebGpuBackend> {
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
  const response = await fetch(new URL(`demo/${name}`, base));
  // A server that answers unknown paths with its start page must not pass for a model.
  if (response.ok && !response.headers.get('content-type')?.startsWith('text/html')) return response.blob();
  throw new WhittleError({
    code: 'not_a_model',
    message: `The built-in model's file could not be fetched from this site (status ${response.status}).`,
    place: { file: `demo/${name}` },
    action: 'The app may not be installed completely: build it again, or open a model of your own.',
  });
}

const engine = new Engine(platform);
watchOutsideRequests(onOutsideRequests);
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

async function runCommand(message: Extract<ToEngine, { type: 'command' }>): Promise<void> {
  const { id, kind, request } = message;
  const controller = new AbortController();
  running.set(id, controller);
  const emit = (event: EngineEvent) => post({ type: 'event', id, event });
  try {
    const result = await engine.run(kind, request as never, emit, controller.signal);
    post({ type: 'result', id, result });
  } catch (thrown) {
    post({ type: 'error', id, error: toErrorData(thrown) });
  } finally {
    running.delete(id);
  }
}

self.onmessage = ({ data }: MessageEvent<ToEngine>) => {
  if (data.type === 'init') ({ base, hub_endpoint } = data);
  else if (data.type === 'cancel') running.get(data.id)?.abort();
  else if (data.type === 'heap') engine.heapMeasured(data.bytes);
  else void runCommand(data);
};
