/** @file Writes a `DecoderModel` as ONNX files, streamed, with the SHA-256 of each. */
import { cancelled } from '../errors/errors.ts';
import { initializerBytes } from '../formats/onnx/model.ts';
import { EXTERNAL_DATA_THRESHOLD, placeInitializers, writeExternalData, writeModel } from '../formats/onnx/write.ts';
import { Sha256 } from '../formats/sha256.ts';
import type { ByteSink, FileSink, WrittenFile } from '../formats/sink.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { decoderGraph, IR_VERSION, OPSET_VERSION } from './decoder_graph.ts';

export const MODEL_FILE = 'model.onnx';
export const DATA_FILE = 'model.onnx.data';

export interface OnnxOptions {
  /** `auto` writes weights beside the model above 1.5 GB; `always` does so for any model. */
  external_data: 'auto' | 'always';
  /** Facts for people and tools, kept in `metadata_props`: method, sparsity, dimension … */
  metadata?: Readonly<Record<string, string>>;
  producer_version?: string;
  /** Bytes of weights written so far, and in all. */
  onProgress?: (written: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Writes `model.onnx` and, where weights are external, `model.onnx.data`. At most one weight matrix is in memory.
 * Every opened sink is closed, also after a failure; removing half-written files is the caller's.
 * Throws `export_failed`, `cancelled`, and what the model's weights and the sinks throw.
 */
export async function writeOnnx(
  model: DecoderModel,
  options: OnnxOptions,
  openFile: (name: string) => Promise<FileSink>,
): Promise<{ files: WrittenFile[] }> {
  const graph = decoderGraph(model);
  const total = graph.initializers.reduce((sum, initializer) => sum + initializerBytes(initializer), 0);
  const external = options.external_data === 'always' || total > EXTERNAL_DATA_THRESHOLD;
  const placements = placeInitializers(graph, external);
  const onnx = {
    ir_version: IR_VERSION,
    opset_version: OPSET_VERSION,
    producer_name: 'Whittle',
    producer_version: options.producer_version ?? '0.1.0',
    metadata: options.metadata ?? {},
    graph,
  };
  let written = 0;
  const writeFile = async (name: string, write: (sink: ByteSink) => Promise<void>): Promise<WrittenFile> => {
    const file = await openFile(name);
    const hash = new Sha256();
    let bytes = 0;
    try {
      await write({
        async write(chunk) {
          if (options.signal?.aborted) throw cancelled();
          hash.update(chunk);
          await file.write(chunk);
          bytes += chunk.byteLength;
          written += chunk.byteLength;
          options.onProgress?.(Math.min(written, total), total);
        },
      });
    } finally {
      await file.close();
    }
    return { name, bytes, sha256: hash.digest() };
  };
  const files = [await writeFile(MODEL_FILE, (sink) => writeModel(onnx, placements, DATA_FILE, sink))];
  if ([...placements.values()].some(({ offset }) => offset !== undefined)) {
    files.push(await writeFile(DATA_FILE, (sink) => writeExternalData(placements, sink)));
  }
  return { files };
}
