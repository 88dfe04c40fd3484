import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatError, WhittleError } from '../errors/errors.ts';
import { adapterFiles, modelFiles, prepareOut, textFile } from './inputs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whittle-inputs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function refusal(act: () => unknown): WhittleError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof WhittleError) return thrown;
    throw thrown;
  }
  throw new Error('it was accepted');
}

describe('--model', () => {
  it('takes the model files of a folder, through links, and leaves the rest', () => {
    const blobs = join(folder, 'blobs');
    const model = join(folder, 'model');
    mkdirSync(blobs);
    mkdirSync(model);
    writeFileSync(join(blobs, 'aa'), '{}');
    symlinkSync(join(blobs, 'aa'), join(model, 'config.json'));
    writeFileSync(join(model, 'train.py'), '');
    writeFileSync(join(model, 'optimizer.pt'), '');
    writeFileSync(join(model, 'model.safetensors'), '');
    mkdirSync(join(model, 'old.json'));
    expect(modelFiles(model)?.map(({ path }) => basename(path))).toEqual(['config.json', 'model.safetensors']);
  });

  it('takes what says under which terms a model may be used: it goes beside exports', () => {
    const names = ['LICENSE', 'NOTICE.md', 'README.md', 'USE_POLICY.md', 'config.json', 'model.safetensors'];
    for (const name of [...names, 'licenses.py', 'CONTRIBUTING.md']) writeFileSync(join(folder, name), '');
    const taken = modelFiles(folder)!.map(({ path }) => basename(path));
    expect(taken.sort()).toEqual(names.sort());
  });

  it.each(['consolidated.00.pth', 'tf_model.h5', 'flax_model.msgpack', 'weights.npz'])(
    'takes %s where there are no weights that are read, so that its kind is named',
    (name) => {
      for (const each of ['config.json', name]) writeFileSync(join(folder, each), '');
      expect(modelFiles(folder)!.map(({ path }) => basename(path))).toContain(name);
    },
  );

  it.each([
    ['model-00002-of-00002.safetensors', 'missing_shard'],
    ['tokenizer.json', 'not_a_model'],
  ])('names %s where it is a link to nothing', (name, code) => {
    writeFileSync(join(folder, 'config.json'), '{}');
    symlinkSync(join(folder, 'blobs', 'gone'), join(folder, name));
    const error = refusal(() => modelFiles(folder));
    expect(error.code).toBe(code);
    expect(error.isBadInput).toBe(true);
    expect(error.message).toContain(name);
    expect(error.place.file).toBe(name);
  });

  it('names a file whose links go round', () => {
    symlinkSync(join(folder, 'config.json'), join(folder, 'config.json'));
    expect(refusal(() => modelFiles(folder)).message).toBe('config.json cannot be opened (ELOOP).');
  });

  it('takes a GGUF file, and with one part all the others', () => {
    const files = ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf', 'n-00001-of-00002.gguf', 'single.GGUF'];
    for (const name of files) writeFileSync(join(folder, name), '');
    const names = (file: string) => modelFiles(join(folder, file))?.map(({ name }) => name);
    expect(names('single.GGUF')).toEqual(['single.GGUF']);
    expect(names('m-00002-of-00002.gguf')?.sort()).toEqual(files.slice(0, 2));
    expect(modelFiles(folder)).toHaveLength(4);
  });

  it('takes one ONNX file of several with its data, and companions from above a folder onnx', () => {
    mkdirSync(join(folder, 'onnx'));
    const files = ['config.json', 'tokenizer.json', 'model.safetensors', 'onnx/model.onnx', 'onnx/model_q4.onnx'];
    for (const name of [...files, 'onnx/weights']) writeFileSync(join(folder, name), '');
    const names = (path: string) =>
      modelFiles(path)
        ?.map(({ name }) => name.replace(`${basename(folder)}/`, ''))
        .sort();
    const companions = ['config.json', 'onnx/model_q4.onnx', 'onnx/weights', 'tokenizer.json'];
    expect(names(join(folder, 'onnx', 'model_q4.onnx'))).toEqual(companions);
    expect(names(folder)).toEqual([...files, 'onnx/weights'].sort());
  });

  it('refuses a file that is no model', () => {
    writeFileSync(join(folder, 'config.json'), '{}');
    const error = refusal(() => modelFiles(join(folder, 'config.json')));
    expect(formatError(error.toData())).toContain('a .gguf file, or demo');
  });

  it('refuses a folder without model files', () => {
    expect(refusal(() => modelFiles(folder)).code).toBe('not_a_model');
  });
});

it('refuses a folder as a text', () => {
  expect(refusal(() => textFile(folder, 'evaluation'))).toMatchObject({ code: 'bad_text' });
});

describe('--out', () => {
  it('is made with the folders above it', () => {
    const out = join(folder, 'a', 'b');
    prepareOut(out);
    prepareOut(out);
    expect(statSync(out).isDirectory()).toBe(true);
  });

  it.each(['taken', 'taken/below'])('refuses %s, where a file is in the way', (name) => {
    writeFileSync(join(folder, 'taken'), '');
    const error = refusal(() => prepareOut(join(folder, name)));
    expect(error.code).toBe('bad_option');
    expect(error.place.field).toBe('--out');
    expect(error.message).toContain('a file is in the way');
    expect(formatError(error.toData())).toMatch(/Allowed: [^.]+\.$/);
  });

  it('refuses a link to nothing', () => {
    symlinkSync(join(folder, 'gone'), join(folder, 'out'));
    expect(refusal(() => prepareOut(join(folder, 'out'))).code).toBe('bad_option');
  });
});

describe('an adapter', () => {
  it('stands in a folder of its own beside the model’s files, and needs a model folder', () => {
    const model = [{ path: '/m/config.json', name: 'm/config.json' }];
    expect(adapterFiles(undefined, null)).toEqual([]);
    expect(() => adapterFiles(folder, null)).toThrow(/--adapter/);
    expect(() => adapterFiles(folder, model)).toThrow(/no adapter_config\.json/);
    for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json'])
      writeFileSync(join(folder, name), '{}');
    expect(adapterFiles(folder, model).map(({ name }) => name)).toEqual([
      'adapter/adapter_config.json',
      'adapter/adapter_model.safetensors',
    ]);
    expect(() => adapterFiles(join(folder, 'tokenizer.json'), model)).toThrow(/not a folder/);
  });
});
