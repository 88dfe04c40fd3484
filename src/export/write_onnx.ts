/** @file Writes a `DecoderModel` as ONNX files, streamed, with the SHA-256 of each. */
import { initializerBytes } from '../formats/onnx/model.ts';
import {
  EXTERNAL_DATA_THRESHOLD,
  EXTERNAL_FILE_BYTES,
  externalFileCount,
  placeInitializers,
  writeExternalData,
  writeModel,
} from '../formats/onnx/write.ts';
import type { FileSink, WrittenFile } from '../formats/sink.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { baseName, dataFile, modelFile } from './file_names.ts';
import { CONTRIB_DOMAIN } from './graph/builder.ts';
import { decoderGraph, IR_VERSION, OPSET_VERSION } from './graph/decoder.ts';
import type { Layout } from './graph/positions.ts';
import { type Precision, quantizedModel } from './precision.ts';
import { type FileContent, writeFile } from './write_file.ts';

export { DATA_FILE, MODEL_FILE } from './file_names.ts';

export interface OnnxOptions {
  /** Absent: `plain`. */
  layout?: Layout;
  /** Absent: `stored`. */
  precision?: Precision;
  /** `auto` writes weights beside the model above 1.5 GB; `always` does so for any model. */
  external_data: 'auto' | 'always';
  /** Bytes at which another external file starts; absent: 1.9 GB. */
  external_file_bytes?: number;
  /** Facts for people and tools, kept in `metadata_props`: method, sparsity, dimension … */
  metadata?: Readonly<Record<string, string>>;
  producer_version?: string;
  /** Bytes of weights written so far, and in all. */
  onProgress?: (written: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Writes the model file and, where weights are external, its data files; `modelFile` and `dataFile` say how they are
 * called, folder included. At most one weight matrix is in memory.
 * Every opened sink is closed, also after a failure; removing half-written files is the caller's.
 * Throws `export_failed`, `cancelled`, and what the model's weights and the sinks throw.
 */
export async function writeOnnx(
  model: DecoderModel,
  options: OnnxOptions,
  openFile: (name: string) => Promise<FileSink>,
): Promise<{ files: WrittenFile[] }> {
  const { layout = 'plain', precision = 'stored', signal } = options;
  const graph = decoderGraph(await quantizedModel(model, precision, { signal, keepPacked: true }), layout);
  const total = graph.initializers.reduce((sum, initializer) => sum + initializerBytes(initializer), 0);
  const external = options.external_data === 'always' || total > EXTERNAL_DATA_THRESHOLD;
  const placements = placeInitializers(graph, external, options.external_file_bytes ?? EXTERNAL_FILE_BYTES);
  const usesContrib = graph.nodes.some(({ domain }) => domain === CONTRIB_DOMAIN);
  const onnx = {
    ir_version: IR_VERSION,
    opset_version: OPSET_VERSION,
    domains: usesContrib ? { [CONTRIB_DOMAIN]: 1 } : undefined,
    producer_name: 'Whittle',
    producer_version: options.producer_version ?? '0.1.0',
    metadata: options.metadata ?? {},
    graph,
  };
  let written = 0;
  const onBytes = (bytes: number) => {
    written += bytes;
    options.onProgress?.(Math.min(written, total), total);
  };
  const write = (name: string, content: FileContent) => writeFile(openFile, name, content, { onBytes, signal });
  const data = (file: number) => dataFile(layout, precision, file);
  const files = [
    await write(modelFile(layout, precision), (sink) =>
      writeModel(onnx, placements, (file) => baseName(data(file)), sink),
    ),
  ];
  for (let file = 0; file < externalFileCount(placements); file++) {
    files.push(await write(data(file), (sink) => writeExternalData(placements, file, sink)));
  }
  return { files };
}
