import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type FakeOpfs, installFakeOpfs } from './fake_opfs.ts';
import { installWriterHere } from './writer_here.ts';

let opfs: FakeOpfs;
beforeEach(() => {
  opfs = installFakeOpfs();
  installWriterHere();
  vi.resetModules();
});
afterEach(() => vi.unstubAllGlobals());

const FILES: Record<string, Uint8Array<ArrayBuffer>> = {
  'config.json': new TextEncoder().encode('{}'),
  'onnx/model.onnx': Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255),
};

async function exported() {
  const { createExportFolder } = await import('../../src/platform/export_folder.ts');
  const folder = await createExportFolder('slice-1.onnx-stored');
  for (const [name, bytes] of Object.entries(FILES)) {
    const sink = await folder.create(name);
    await sink.write(bytes);
    await sink.close();
  }
  return folder;
}

/** Entries by the list at the end of a zip (APPNOTE 4.3.12): name, method, and the bytes where its header says. */
function entriesOf(zip: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  let end = zip.length - 22;
  while (view.getUint32(end, true) !== 0x06054b50) end--;
  const entries = new Map<string, Uint8Array>();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    expect(view.getUint16(at + 10, true), 'stored').toBe(0);
    const [size, nameLength] = [view.getUint32(at + 24, true), view.getUint16(at + 28, true)];
    const header = view.getUint32(at + 42, true);
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    const name = new TextDecoder().decode(zip.subarray(at + 46, at + 46 + nameLength));
    entries.set(name, zip.subarray(start, start + size));
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

it('packs an export with its folders into a file of OPFS, beside the export', async () => {
  const folder = await exported();
  const { zipExport } = await import('../../src/platform/zip_export.ts');
  const seen: number[] = [];
  const onProgress = (written: number, total: number) => seen.push(written / total);
  const { file, remove } = await zipExport(folder.path, Object.keys(FILES), 'tiny-onnx.zip', onProgress);
  const entries = entriesOf(new Uint8Array(await file.arrayBuffer()));
  expect([...entries.keys()]).toEqual(['tiny-onnx/config.json', 'tiny-onnx/onnx/model.onnx']);
  for (const [name, bytes] of Object.entries(FILES)) expect(entries.get(`tiny-onnx/${name}`)).toEqual(bytes);
  expect(seen.at(-1)).toBe(1);
  // The export itself holds no more than before.
  expect(await folder.list()).toEqual(Object.keys(FILES));
  await remove();
  expect(opfs.paths().filter((path) => path.endsWith('.zip'))).toEqual([]);
});

it('is a zip for other tools too', async (context) => {
  const unzip = (...args: string[]) => execFileSync('python3', ['-m', 'zipfile', ...args], { stdio: 'pipe' });
  try {
    execFileSync('python3', ['--version'], { stdio: 'pipe' });
  } catch {
    context.skip('python3 is not here');
  }
  const folder = await exported();
  const { zipExport } = await import('../../src/platform/zip_export.ts');
  const { file } = await zipExport(folder.path, Object.keys(FILES), 'tiny.zip');
  const place = mkdtempSync(join(tmpdir(), 'whittle-zip-'));
  writeFileSync(join(place, 'tiny.zip'), new Uint8Array(await file.arrayBuffer()));
  unzip('-e', join(place, 'tiny.zip'), place);
  expect(new Uint8Array(readFileSync(join(place, 'tiny/onnx/model.onnx')))).toEqual(FILES['onnx/model.onnx']);
  rmSync(place, { recursive: true });
});

it('leaves nothing behind where the storage is full', async () => {
  const folder = await exported();
  const { zipExport } = await import('../../src/platform/zip_export.ts');
  opfs.quota = 100_000;
  await expect(zipExport(folder.path, Object.keys(FILES), 'tiny.zip')).rejects.toThrow('Full.');
  expect(opfs.paths().filter((path) => path.endsWith('.zip'))).toEqual([]);
});
