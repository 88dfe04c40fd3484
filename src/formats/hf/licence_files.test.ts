import { expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { ggufBlob, ggufFamily, string } from '../../../test/fixtures/gguf_model.ts';
import { ggufBytes, ggufSource } from '../../../test/support/written_gguf.ts';
import { openModel } from '../../models/open_model.ts';
import { blobSource } from '../source.ts';
import { cardLicence, isLicenceFile } from './licence_files.ts';

const card = (text: string) => cardLicence(blobSource('README.md', new Blob([text])));

it('knows files of terms by their names', () => {
  for (const name of [
    'LICENSE',
    'LICENSE.txt',
    'license.md',
    'LICENCE',
    'NOTICE',
    'USE_POLICY.md',
    'COPYING',
    'LICENSE-MODEL',
  ]) {
    expect(isLicenceFile(name), name).toBe(true);
  }
  for (const name of [
    'README.md',
    'licensed.txt',
    'notice.safetensors',
    'license.py',
    'config.json',
    'onnx/model.onnx',
  ]) {
    expect(isLicenceFile(name), name).toBe(false);
  }
});

it('reads the licence of a model card from its front matter only', async () => {
  const own = { license: 'other', license_name: 'llama3', license_link: 'LICENSE' };
  expect(
    await card('---\nlicense: other\nlicense_name: "llama3"\nlicense_link: LICENSE\ntags:\n- a\n---\n# M'),
  ).toEqual(own);
  expect(await card('# M\nlicense: mit\n')).toEqual({});
  expect(await card('---\ntags: []\n---\nlicense: mit')).toEqual({});
  expect(await cardLicence(undefined)).toEqual({});
});

it('goes from a folder through GGUF and back', async () => {
  const each = await family('llama');
  const extra = [
    { path: 'llama/USE_POLICY.md', blob: new Blob(['be kind']) },
    { path: 'llama/README.md', blob: new Blob(['---\nlicense: llama3\n---\n']) },
  ];
  const open = await openModel([...(await familyFiles(each)), ...extra]);
  expect(open.tokenizer_files.map(({ name }) => name)).toContain('USE_POLICY.md');
  expect(open.licence).toEqual({ license: 'llama3' });
  const bytes = await ggufBytes({ ...ggufSource(open), licence: open.licence });
  const again = await openModel([
    { path: 'a/model.gguf', blob: new Blob([bytes]) },
    { ...extra[0], path: 'a/NOTICE' },
  ]);
  expect(again.licence).toEqual({ license: 'llama3' });
  expect(again.tokenizer_files.map(({ name }) => name)).toContain('NOTICE');
});

it('is kept of a GGUF file from elsewhere', async () => {
  const model = ggufFamily(await family('qwen2'));
  model.metadata.set('general.license', string('other')).set('general.license.link', string('https://example.org'));
  const open = await openModel([{ path: 'model.gguf', blob: await ggufBlob(model) }]);
  expect(open.licence).toEqual({ license: 'other', license_link: 'https://example.org' });
});

it('is looked for in the first 256 KiB of a card, however long it is', async () => {
  const asked: [number, number][] = [];
  const card = (size: number) => ({
    ...{ name: 'README.md', size },
    async read(start: number, length: number) {
      asked.push([start, length]);
      return new TextEncoder().encode('---\r\nlicense: "mit"\r\nlicense_name: x y\r\n---\r\ntext');
    },
  });
  expect(await cardLicence(card(10_000_000))).toEqual({ license: 'mit', license_name: 'x y' });
  expect(await cardLicence(card(100))).toEqual({ license: 'mit', license_name: 'x y' });
  expect(asked).toEqual([
    [0, 2 ** 18],
    [0, 100],
  ]);
  expect(await cardLicence(undefined)).toEqual({});
});
