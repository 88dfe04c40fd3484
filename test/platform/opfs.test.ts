import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeOpfs, installFakeOpfs } from './fake_opfs.ts';
import { installWriterHere } from './writer_here.ts';

let opfs: FakeOpfs;

/** The modules keep one session each, as one engine does; a fresh import is another engine. */
async function newEngine() {
  vi.resetModules();
  const scratch = await import('../../src/platform/scratch_file.ts');
  const exports = await import('../../src/platform/export_folder.ts');
  return { ...scratch, ...exports };
}

const pattern = (length: number, seed = 0) => Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 255);

beforeEach(() => {
  opfs = installFakeOpfs();
  installWriterHere();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('scratch file', () => {
  it('gives back any range of any slot, although the browser reads and writes short', async () => {
    const { openScratchFile } = await newEngine();
    const scratch = await openScratchFile();
    const first = pattern(4500);
    const second = pattern(2300, 5);
    const slots = await Promise.all([scratch.append(first), scratch.append(second)]);
    expect(slots.map(({ bytes }) => bytes)).toEqual([4500, 2300]);
    expect(await slots[0].read(0, 4500)).toEqual(first);
    expect(await slots[1].read(0, 2300)).toEqual(second);
    expect(await slots[1].read(1100, 1150)).toEqual(second.slice(1100, 2250));
    expect(await slots[0].read(4500, 0)).toEqual(new Uint8Array());
  });

  it('refuses to read past its slot, and after it was cleared', async () => {
    const { openScratchFile } = await newEngine();
    const scratch = await openScratchFile();
    const slot = await scratch.append(pattern(10));
    await scratch.append(pattern(10));
    await expect(slot.read(5, 6)).rejects.toMatchObject({ code: 'truncated_file' });
    await scratch.clear();
    await expect(slot.read(0, 1)).rejects.toMatchObject({ code: 'internal' });
    expect(opfs.paths()).toEqual([]);
    const again = await scratch.append(Uint8Array.of(3));
    expect(await again.read(0, 1)).toEqual(Uint8Array.of(3));
  });

  it.each([false, true])('says that storage is full, and goes on (private window: %s)', async (isPrivate) => {
    opfs.isPrivate = isPrivate;
    const { openScratchFile } = await newEngine();
    const scratch = await openScratchFile();
    opfs.quota = 5000;
    await scratch.append(pattern(3000));
    await expect(scratch.append(pattern(4000))).rejects.toMatchObject({ code: 'storage_full' });
    opfs.quota = 10_000;
    const slot = await scratch.append(pattern(4000, 9));
    expect(await slot.read(0, 4000)).toEqual(pattern(4000, 9));
  });
});

describe('export folder', () => {
  it('writes files as streams, flushes them, and hands them out by path', async () => {
    const { createExportFolder, exportedFile } = await newEngine();
    const folder = await createExportFolder('slice-1');
    const sink = await folder.create('model.onnx');
    await sink.write(pattern(2500));
    await sink.write(pattern(10, 3));
    await sink.close();
    expect(opfs.file(`/${folder.path}/model.onnx`).flushes).toBe(1);
    const file = await exportedFile(folder.path, 'model.onnx');
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(Uint8Array.of(...pattern(2500), ...pattern(10, 3)));
    expect(await folder.list()).toEqual(['model.onnx']);
  });

  it.each([false, true])(
    'says that storage is full, and can be removed then (private window: %s)',
    async (isPrivate) => {
      opfs.isPrivate = isPrivate;
      opfs.quota = 5000;
      const { createExportFolder } = await newEngine();
      const folder = await createExportFolder('slice-1');
      const sink = await folder.create('model.onnx');
      await sink.write(pattern(9000));
      await expect(sink.close()).rejects.toMatchObject({ code: 'storage_full' });
      // Nobody holds it any more.
      await folder.remove();
      expect(opfs.paths()).toEqual([]);
      opfs.quota = 20_000;
      const again = await (await createExportFolder('slice-1')).create('model.onnx');
      await again.write(pattern(9000));
      await again.close();
      expect(again.sha256()).toBe(createHash('sha256').update(pattern(9000)).digest('hex'));
    },
  );

  it('keeps sub-folders', async () => {
    const { createExportFolder, exportedFile } = await newEngine();
    const folder = await createExportFolder('slice-1');
    for (const name of ['onnx/model.onnx', 'config.json', 'onnx/model.onnx_data']) {
      const sink = await folder.create(name);
      await sink.write(new TextEncoder().encode(name));
      await sink.close();
    }
    expect(await folder.list()).toEqual(['config.json', 'onnx/model.onnx', 'onnx/model.onnx_data']);
    expect(await (await exportedFile(folder.path, 'onnx/model.onnx')).text()).toBe('onnx/model.onnx');
    expect(await (await folder.file('config.json')).text()).toBe('config.json');
    await folder.remove();
    expect(opfs.paths()).toEqual([]);
  });

  it('starts empty when the same export is made again, and can be removed', async () => {
    const { createExportFolder } = await newEngine();
    const first = await createExportFolder('slice-1');
    await (await first.create('old.json')).close();
    const second = await createExportFolder('slice-1');
    expect(second.path).toBe(first.path);
    expect(await second.list()).toEqual([]);
    await second.remove();
    await second.remove();
    expect(opfs.paths()).toEqual([]);
  });

  it('takes another name where a dead engine still holds a file of the earlier export', async () => {
    const { createExportFolder } = await newEngine();
    const first = await createExportFolder('dense');
    await first.create('model.onnx');
    const second = await createExportFolder('dense');
    expect(second.path).not.toBe(first.path);
    await (await second.create('model.onnx')).close();
    expect(await second.list()).toEqual(['model.onnx']);
  });

  it('explains that a browser without private storage cannot export', async () => {
    vi.stubGlobal('navigator', {});
    const { createExportFolder, hasScratchFiles } = await newEngine();
    expect(hasScratchFiles()).toBe(false);
    await expect(createExportFolder('slice-1')).rejects.toMatchObject({ code: 'export_failed' });
  });
});

describe('room', () => {
  it.each([false, true])('is found by trying, whatever is estimated (private window: %s)', async (isPrivate) => {
    opfs.isPrivate = isPrivate;
    await newEngine();
    const { roomForSession } = await import('../../src/platform/room.ts');
    expect(await roomForSession(5_000_000)).toBe(5_000_000);
    opfs.quota = 1_000_000;
    const found = await roomForSession(5_000_000);
    expect(found).toBeLessThanOrEqual(1_000_000);
    expect(found).toBeGreaterThan(990_000);
    expect(await roomForSession(1000)).toBe(1000);
    expect(opfs.paths()).toEqual([]);
  });
});

describe('storage session', () => {
  it('of a page outlives its engine: finished exports stay, what only that engine could read goes', async () => {
    const page = await import('../../src/platform/storage_session.ts');
    const { id } = page.holdSession();
    const first = await newEngine();
    const { joinSession } = await import('../../src/platform/storage_session.ts');
    joinSession(id, 0);
    const scratch = await first.openScratchFile();
    await scratch.append(pattern(100));
    const folder = await first.createExportFolder('slice-1');
    await (await folder.create('a.json')).close();
    await newEngine();
    const second = await import('../../src/platform/storage_session.ts');
    second.joinSession(id, 1);
    vi.useFakeTimers();
    const session = await second.storageSession();
    const { openFolder } = await import('../../src/platform/opfs.ts');
    await second.removeEarlierScratch(await openFolder(session), new Set());
    // The browser is still letting go of what the dead one had open; the new one works beside it.
    const { openScratchFile } = await import('../../src/platform/scratch_file.ts');
    const mine = await openScratchFile();
    await mine.append(pattern(10));
    const [, old] = opfs.paths().sort((a, b) => b.localeCompare(a));
    expect(old).toMatch(/scratch-0-0\.bin$/);
    opfs.file(old).isLocked = false;
    await vi.advanceTimersByTimeAsync(6000);
    vi.useRealTimers();
    expect(opfs.paths().map((path) => path.split('/').pop())).toEqual(['a.json', 'scratch-1-0.bin']);
    await mine.clear();
    // Nor does an engine of another page take them.
    const other = await newEngine();
    await other.openScratchFile();
    expect(opfs.paths()).toEqual([`/${folder.path}/a.json`]);
  });

  it('leaves the files of a living engine alone and removes those of a dead one', async () => {
    const first = await newEngine();
    const scratch = await first.openScratchFile();
    await scratch.append(pattern(100));
    const [alive] = opfs.paths();

    const second = await newEngine();
    await (await second.createExportFolder('slice-1')).create('a.json').then((sink) => sink.close());
    expect(opfs.paths()).toContain(alive);
    expect(opfs.paths().length).toBe(2);

    // Both pages are closed: their locks end, their files stay, the browser lets go of open handles.
    opfs.endLocks();
    opfs.file(alive).isLocked = false;
    const third = await newEngine();
    await third.openScratchFile();
    expect(opfs.paths()).toEqual([]);
  });
});
