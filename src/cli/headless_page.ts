/** @file The page of the headless command: the engine's client, driven from outside by `window.whittle`. */
import { EngineClient } from '../engine/client.ts';
import type { CommandKind, Commands, EngineEvent, ModelSource, TextSettings, TextSource } from '../engine/protocol.ts';
import { cancelled, toErrorData } from '../errors/errors.ts';
import { downloadExport } from '../platform/download.ts';
import type { PageRequest, TextInput } from './page_protocol.ts';

/** Progress is for people to read; the engine may report it far more often. */
const PROGRESS_INTERVAL_MS = 100;

const client = new EngineClient();
let running: AbortController | undefined;
let isCancelled = false;
let lastProgress = 0;

function forward(event: EngineEvent): void {
  // They come again with the result, and are the only events of any size.
  if (event.type === 'site' || event.type === 'facts') return;
  const now = performance.now();
  if (event.type === 'progress' && now - lastProgress < PROGRESS_INTERVAL_MS) return;
  lastProgress = now;
  window.whittleEvent?.(event);
}

function chosenFiles(id: string): File[] {
  return [...((document.getElementById(id) as HTMLInputElement).files ?? [])];
}

function modelSource({ source, paths }: PageRequest<'open'>): ModelSource {
  if (source.kind !== 'chosen') return source;
  return { kind: 'files', files: chosenFiles('model').map((file, i) => ({ path: paths[i] ?? file.name, file })) };
}

function textSource(source: TextInput, id: string): TextSource {
  return source.kind === 'demo' ? source : { kind: 'file', file: chosenFiles(id)[0] };
}

function engineRequest<K extends CommandKind>(kind: K, request: PageRequest<K>): Commands[K]['request'] {
  if (kind === 'open') {
    return { source: modelSource(request as PageRequest<'open'>) } satisfies Commands['open']['request'];
  }
  if (kind === 'set_texts') {
    const texts = request as PageRequest<'set_texts'>;
    return {
      ...texts,
      calibration: textSource(texts.calibration, 'calibration'),
      evaluation: textSource(texts.evaluation, 'evaluation'),
    } satisfies TextSettings;
  }
  if (kind === 'set_imatrix')
    return { file: chosenFiles('imatrix')[0] ?? null } satisfies Commands['set_imatrix']['request'];
  if (kind === 'set_examples') return { files: chosenFiles('examples') } satisfies Commands['set_examples']['request'];
  if (kind === 'set_tasks') {
    const { limit } = request as PageRequest<'set_tasks'>;
    return {
      files: chosenFiles('tasks'),
      ...(limit !== undefined && { limit }),
    } satisfies Commands['set_tasks']['request'];
  }
  return request as Commands[K]['request'];
}

window.whittle = {
  async run(kind, request) {
    // A cancel between two commands ends the job as well.
    if (isCancelled) return { ok: false, error: cancelled().toData() };
    running = new AbortController();
    try {
      const options = { onEvent: forward, signal: running.signal };
      return { ok: true, result: await client.run(kind, engineRequest(kind, request), options) };
    } catch (thrown) {
      return { ok: false, error: toErrorData(thrown) };
    } finally {
      running = undefined;
    }
  },

  cancel() {
    isCancelled = true;
    running?.abort();
  },

  download: downloadExport,
};
