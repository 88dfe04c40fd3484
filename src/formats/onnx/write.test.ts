/** The frame of a written model, read again: names, versions, and the graph's own, which checkers ask for. */
import { expect, it } from 'vitest';
import { memoryFiles } from '../../../test/onnx/memory_files.ts';
import { sourceOf } from '../../../test/onnx/proto_model.ts';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { writeOnnx } from '../../export/write_onnx.ts';
import { readOnnxModel } from './read_model.ts';

it.each(['auto', 'always'] as const)('has what it was given, with weights beside it: %s', async (external_data) => {
  const files = memoryFiles();
  const metadata = { method: 'none', 'a key': 'ä' };
  await writeOnnx(tinyDecoder(), { external_data, metadata, producer_version: '9.8.7' }, files.openFile);
  const found = await readOnnxModel(sourceOf(files.bytes('model.onnx')));
  expect(found).toMatchObject({ producer_name: 'Whittle', producer_version: '9.8.7', functions: 0 });
  expect(Object.fromEntries(found.metadata)).toEqual(metadata);
  expect(found.graph.name).not.toBe('');
  expect(found.graph.inputs.map(({ name }) => name)).toContain('input_ids');
  expect(found.graph.outputs.map(({ name }) => name)).toContain('logits');
  const kinds = new Set([...found.graph.initializers.values()].map(({ location }) => location.kind));
  expect(kinds.has('external')).toBe(external_data === 'always');
  expect(files.names().length > 1).toBe(external_data === 'always');
});
