/** What a file is when it is not what its name says, by its first bytes or by its name. */
import { describe, expect, it } from 'vitest';
import { foreignByName, recogniseForeign, recogniseNotJson } from './recognise.ts';

const bytes = (...parts: (string | number)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part].map((c) => c.charCodeAt(0)))));
const said = (head: Uint8Array) => recogniseForeign('f', head)?.message;

describe('the first bytes', () => {
  it.each<[string, Uint8Array]>([
    ['Git LFS pointer', bytes('version https://git-lfs.github.com/spec/v1\noid sha256:00')],
    ['web page', bytes('<!DOCTYPE html>')],
    ['web page', bytes(0xef, 0xbb, 0xbf, '\n <html lang="en">')],
    ['web page', bytes('<?xml version="1.0"?>')],
    ['GGUF file', bytes('GGUF', 3, 0, 0, 0)],
    ['PyTorch pickle', bytes(0x80, 2, 0x63)],
    ['PyTorch pickle', bytes(0x80, 5, 0x95)],
    ['PyTorch pickle', bytes('PK', 3, 4)],
    ['HDF5 file', bytes(0x89, 'HDF\r\n')],
    ['compressed archive', bytes(0x1f, 0x8b, 8)],
    ['compressed archive', bytes('7z', 0xbc, 0xaf)],
    ['compressed archive', bytes('BZh9')],
    ['JSON text', bytes(' {"error": "Not found"}')],
    ['JSON text', bytes('[1]')],
  ])('of a %s: %#', (what, head) => {
    expect(said(head)).toContain(what);
    expect(recogniseForeign('f', head, 'x')).toMatchObject({ code: 'not_a_model', place: { file: 'f' }, allowed: 'x' });
    expect(recogniseNotJson('f', head)?.message).toEqual(what === 'JSON text' ? undefined : said(head));
  });

  it.each<[string, Uint8Array]>([
    ['nothing', bytes()],
    ['a safetensors header', bytes(0x40, 0, 0, 0, 0, 0, 0, 0, '{"a":{}}')],
    ['half a pickle', bytes(0x80, 1, 0)],
    ['a newer pickle', bytes(0x80, 6, 0)],
    ['its version alone', bytes(0, 3, 0)],
    ['another archive of one letter', bytes('PK', 5, 6)],
    ['text', bytes('hello <html>')],
  ])('are unknown: %s', (_, head) => expect(said(head)).toBeUndefined());
});

it('knows formats that are not read by their names', () => {
  const says: Record<string, string> = {
    ...{ 'pytorch_model.bin': 'pickle', 'a.PT': 'pickle', 'model.ckpt': 'pickle', 'm.onnx_data': 'external data' },
    ...{ 'm.onnx.data': 'external data', 'm.onnx_data_1': 'external data', 'tf_model.h5': 'are not read' },
    ...{ 'w.npz': 'are not read', 'm.zip': 'archive', 'm.tar.gz': 'archive' },
  };
  for (const [name, words] of Object.entries(says)) expect(foreignByName(name)?.message, name).toContain(words);
  for (const name of ['model.safetensors', 'm.onnx', 'bin', 'config.json', 'm.gguf'])
    expect(foreignByName(name)).toBeUndefined();
});
