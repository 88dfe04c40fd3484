import { describe, expect, it } from 'vitest';
import { filesFromDrop, filesFromInput } from '../../src/platform/dropped_files.ts';

type Tree = { [name: string]: Tree | string };

/** A FileSystemEntry over plain data, its folders read in batches of two as browsers read theirs in batches of 100. */
function entryOf(name: string, node: Tree | string, parent = ''): unknown {
  const fullPath = `${parent}/${name}`;
  if (typeof node === 'string') {
    return {
      isFile: true,
      isDirectory: false,
      name,
      fullPath,
      file: (done: (file: File) => void) => done(new File([node], name)),
    };
  }
  return {
    isFile: false,
    isDirectory: true,
    name,
    fullPath,
    createReader() {
      const left = Object.entries(node).map(([child, value]) => entryOf(child, value, fullPath));
      return { readEntries: (done: (batch: unknown[]) => void) => done(left.splice(0, 2)) };
    },
  };
}

function dropOf(tree: Tree): DataTransfer {
  const items = Object.entries(tree).map(([name, node]) => ({
    kind: 'file',
    webkitGetAsEntry: () => entryOf(name, node),
    getAsFile: () => (typeof node === 'string' ? new File([node], name) : null),
  }));
  return { items: [...items, { kind: 'string', getAsFile: () => null }] } as unknown as DataTransfer;
}

describe('dropped files', () => {
  it('walks folders to any depth and leaves out hidden ones', async () => {
    const model = {
      'config.json': '{}',
      'a.safetensors': 'a',
      'b.safetensors': 'bb',
      'tokenizer.json': '{}',
      '.git': { HEAD: 'ref' },
      onnx: { deep: { 'model.onnx': 'x' } },
    };
    const files = await filesFromDrop(dropOf({ model, 'text.txt': 'hello', '.DS_Store': 'x' }));
    expect(files.map(({ path, file }) => `${path} ${file.size}`)).toEqual([
      'model/config.json 2',
      'model/a.safetensors 1',
      'model/b.safetensors 2',
      'model/tokenizer.json 2',
      'model/onnx/deep/model.onnx 1',
      'text.txt 5',
    ]);
  });

  it('takes plain files where the browser has no entries', async () => {
    const item = { kind: 'file', getAsFile: () => new File(['abc'], 'config.json') };
    const files = await filesFromDrop({ items: [item] } as unknown as DataTransfer);
    expect(files.map(({ path }) => path)).toEqual(['config.json']);
  });

  it('uses the path inside a picked folder', () => {
    const inFolder = Object.assign(new File(['x'], 'config.json'), { webkitRelativePath: 'model/config.json' });
    const hidden = Object.assign(new File(['x'], 'HEAD'), { webkitRelativePath: 'model/.git/HEAD' });
    const alone = Object.assign(new File(['x'], 'a.safetensors'), { webkitRelativePath: '' });
    const files = filesFromInput([inFolder, hidden, alone] as unknown as FileList);
    expect(files.map(({ path }) => path)).toEqual(['model/config.json', 'a.safetensors']);
    expect(filesFromInput(null)).toEqual([]);
  });
});
