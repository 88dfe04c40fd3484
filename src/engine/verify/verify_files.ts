/** @file Verifies written ONNX files as a whole where the runtime's memory has room for them, else in parts. */
import type * as Ort from 'onnxruntime-web/wasm';
import { baseName } from '../../export/file_names.ts';
import { oldestRuntime } from '../../export/oldest_runtime.ts';
import { type OnnxGraph, type OnnxModel, readOnnxModel } from '../../formats/onnx/read_model.ts';
import type { ByteSource } from '../../formats/source.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { FlowGraph, runtimeBytes } from './parts/graph.ts';
import { findHead } from './parts/head.ts';
import { PART_BYTES, verifyInParts } from './parts/run.ts';
import { failed, messageOf, type OnnxFile, type VerifyOptions, type VerifyResult, verifySession } from './session.ts';
import { openWritten } from './written_files.ts';

export interface VerifyLimits {
  /**
   * What a session of the whole file may take, by {@link sessionBytes}. While it begins it really takes twice that, with copies of
   * the file in the page and in the runtime (2.2 GB for 1.1, measured), and a page shall stay below 1.5 GB with its engine.
   */
  whole_bytes: number;
  /** Weights of a part. */
  part_bytes: number;
}

export const VERIFY_LIMITS: VerifyLimits = { whole_bytes: 4e8, part_bytes: PART_BYTES };

/** Throws `verification_failed`, `cancelled`, and what reading the files throws. */
export async function verifyFiles(
  ort: typeof Ort,
  files: readonly OnnxFile[],
  windows: TokenWindows,
  options: VerifyOptions = {},
  limits = VERIFY_LIMITS,
): Promise<VerifyResult> {
  const model = files.find(({ name }) => name.endsWith('.onnx'));
  if (!model) return verifySession(ort, files, windows, options);
  const { sources, close } = await openWritten(files);
  try {
    const { graph, ...written } = await readWritten(sources.get(baseName(model.name)) as ByteSource, model.name);
    const isSmall = sessionBytes(graph, windows.seqlen) <= limits.whole_bytes;
    const result = await (isSmall
      ? verifySession(ort, files, windows, options)
      : verifyInParts(ort, sources, { graph, ...written }, windows, options, limits.part_bytes));
    return { ...result, needs_onnxruntime: oldestRuntime(graph) };
  } finally {
    close();
  }
}

async function readWritten(source: ByteSource, name: string): Promise<OnnxModel> {
  try {
    return await readOnnxModel(source);
  } catch (cause) {
    throw failed(`The written model cannot be read: ${messageOf(cause)}`, name, cause);
  }
}

/** Weights in the file and in the runtime, a tied table's transpose, and the logits of a window. */
export function sessionBytes(graph: OnnxGraph, seqlen: number): number {
  let bytes = 0;
  for (const tensor of graph.initializers.values()) bytes += tensor.bytes + runtimeBytes(tensor);
  const flow = new FlowGraph(graph);
  const head = findHead(flow, 'logits');
  if (!head) return bytes;
  for (const [name, axis] of head.cut) {
    const tensor = flow.tensor(name);
    const isTransposed =
      axis === 'rows' && tensor?.type.name !== 'UINT8' && flow.node(head.product).op_type === 'MatMul';
    if (tensor && isTransposed) bytes += runtimeBytes(tensor);
  }
  return bytes + 4 * seqlen * head.vocabulary;
}
