/**
 * @file Runs an exported ONNX model in onnxruntime-web, independently of Whittle's own kernels (invariant 3). Loads
 * nothing by itself: the caller hands in the runtime, so that the same code runs in a Worker and under Node.
 */
import type * as Ort from 'onnxruntime-web/wasm';
import { nextTask } from '../../backend/event_loop.ts';
import { cancelled, WhittleError } from '../../errors/errors.ts';
import { baseName } from '../../export/file_names.ts';
import { feedsOf } from '../../export/session_feeds.ts';
import type { Model } from '../../formats/onnx/model.ts';
import { writeModel } from '../../formats/onnx/write.ts';
import { countTraffic } from '../../pulse/traffic.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { meanLoss } from './losses.ts';
import { idsOf } from './shares.ts';

/** One exported file: a disk-backed `File` of OPFS, or any Blob. `name` is its path in the exported folder. */
export interface OnnxFile {
  name: string;
  file: Blob;
  /** In OPFS, where it lies there: it can be read by a handle. */
  path?: string;
}

export interface VerifyOptions {
  signal?: AbortSignal;
  /** The file was opened; windows follow. */
  onOpened?: () => void;
  /** After a window went through a part of a file that is too large for one session: how often that has been, and will be. */
  onPart?: (done: number, total: number) => void;
  /** After each window: its index and mean loss in nats per predicted token. */
  onWindow?: (index: number, loss: number) => void;
}

export interface VerifyResult {
  /** Mean loss of each window over its predictions, in nats: one less than tokens. */
  window_losses: number[];
  /** Logits of the first window, (seqlen, vocab_size). */
  first_logits: Float32Array;
  /** Of onnxruntime-web. */
  version: string;
  /** Sessions that each window went through, one after the other, where the file is too large for one. */
  parts?: number;
  /** The oldest version of ONNX Runtime that runs the files; absent where none of them is a model. */
  needs_onnxruntime?: string;
  /** Bytes of the files that were read for it, in a Worker of its own. */
  bytes_read?: number;
}

const BACKEND = { executionProviders: ['wasm'] };

/** Fetches and compiles the runtime and starts its threads, by opening a model of one node: it has no call for that. */
export async function loadRuntime(ort: typeof Ort): Promise<void> {
  const value = { data_type: 'FLOAT', shape: [1] } as const;
  const model: Model = {
    ...{ ir_version: 8, opset_version: 13, producer_name: 'whittle', producer_version: '', metadata: {} },
    graph: {
      name: 'nothing',
      nodes: [{ op_type: 'Identity', name: 'identity', inputs: ['x'], outputs: ['y'], attributes: [] }],
      initializers: [],
      inputs: [{ name: 'x', ...value }],
      outputs: [{ name: 'y', ...value }],
    },
  };
  const parts: Uint8Array[] = [];
  const sink = { write: async (bytes: Uint8Array) => void parts.push(bytes.slice()) };
  await writeModel(model, new Map(), () => '', sink);
  const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  const session = await ort.InferenceSession.create(bytes, BACKEND);
  await session.release();
}

/** Logits of windows that are run together: 16 MB. The runtime's threads share larger products better. */
const LOGITS_AT_ONCE = 4 * 2 ** 20;

/** Losses of all windows, as `input_ids` [windows, seqlen], the first by itself, the cache empty. Throws `verification_failed`, `cancelled`. */
export async function verifySession(
  ort: typeof Ort,
  files: readonly OnnxFile[],
  windows: TokenWindows,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const session = await openSession(ort, files);
  options.onOpened?.();
  const { count, seqlen } = windows;
  try {
    const window_losses: number[] = [];
    let first_logits: Float32Array | undefined;
    let batch = 1;
    for (let first = 0; first < count; first += batch) {
      if (first_logits) batch = Math.max(1, Math.floor(LOGITS_AT_ONCE / first_logits.length));
      // Its promises are all kept within one task, but what its threads ask of this one comes as messages.
      await nextTask();
      if (options.signal?.aborted) throw cancelled();
      const length = first === 0 ? 1 : Math.min(batch, count - first);
      const each = Array.from({ length }, (_, i) => idsOf(windows, first + i));
      const ids = length === 1 ? each[0] : windows.ids.subarray(first * seqlen, (first + length) * seqlen);
      const logits = await runWindows(ort, session, ids, length);
      // The runtime's buffer is its own: a copy can be transferred.
      first_logits ??= logits.slice();
      const size = logits.length / length;
      for (const [i, own] of each.entries()) {
        const loss = meanLoss(logits.subarray(i * size, (i + 1) * size), own);
        window_losses.push(loss);
        options.onWindow?.(first + i, loss);
      }
    }
    return { window_losses, first_logits: first_logits ?? new Float32Array(), version: versionOf(ort) };
  } finally {
    await session.release();
  }
}

export function versionOf(ort: typeof Ort): string {
  return ort.env.versions.web ?? ort.env.versions.common;
}

export async function openSession(ort: typeof Ort, files: readonly OnnxFile[]): Promise<Ort.InferenceSession> {
  const model = files.find(({ name }) => name.endsWith('.onnx'));
  if (!model) {
    throw failed(`None of ${files.length} files is an ONNX model.`, files.map(({ name }) => name).join(', ') || 'none');
  }
  const externalData = files
    .filter((file) => file !== model)
    .map(({ name, file }) => ({ path: baseName(name), data: file }));
  try {
    // The runtime takes the model file whole; big weights are external and go to it as a Blob.
    const bytes = new Uint8Array(await model.file.arrayBuffer());
    for (const { file } of files) countTraffic('files_read', file.size);
    return await ort.InferenceSession.create(bytes, { ...BACKEND, externalData });
  } catch (cause) {
    throw failed(`onnxruntime-web cannot open the model: ${messageOf(cause)}`, model.name, cause);
  }
}

async function runWindows(
  ort: typeof Ort,
  session: Ort.InferenceSession,
  ids: Uint32Array,
  batch: number,
): Promise<Float32Array> {
  let logits: Ort.Tensor;
  try {
    ({ logits } = await session.run(feedsOf(ort, session, ids, batch)));
  } catch (cause) {
    throw failed(`onnxruntime-web cannot run the model: ${messageOf(cause)}`, 'logits', cause);
  }
  if (logits?.type === 'float32' && logits.dims[1] === ids.length / batch) return logits.data as Float32Array;
  throw failed(
    `The model's output is ${logits?.type} [${logits?.dims}], not f32 [${batch}, ${ids.length / batch}, vocab_size].`,
    'logits',
  );
}

/** What onnxruntime-web and WebAssembly say where there is no memory left. */
const OUT_OF_MEMORY = /bad_alloc|out of memory|memory access out of bounds|failed to allocate|allocation failed/i;
const FREE_MEMORY =
  'The file was removed: memory was too short to check it. Close other tabs and programs, use shorter windows, or export safetensors, which Whittle checks itself.';
const REPORT =
  'The file was removed. The same export would fail again: choose another format, and please report this with the model and the settings.';

export function failed(message: string, field: string, cause?: unknown): WhittleError {
  return new WhittleError(
    {
      code: 'verification_failed',
      message,
      place: { field },
      action: OUT_OF_MEMORY.test(message) ? FREE_MEMORY : REPORT,
    },
    { cause },
  );
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
