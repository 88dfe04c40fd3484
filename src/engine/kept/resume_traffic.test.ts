/** What going on costs of the disk: of a model of billions, finished layers are named again, never read or copied. */
import { expect, it } from 'vitest';
import { memoryKept } from '../../../test/support/memory_kept.ts';
import { type MemoryPlatform, memoryPlatform } from '../../../test/support/memory_platform.ts';
import { SLICE, source, started } from '../../../test/support/test_engine.ts';
import type { ScratchSlot, ScratchStore } from '../../models/scratch.ts';
import { diskTraffic } from '../../pulse/traffic.ts';
import type { Engine } from '../engine.ts';
import type { EngineEvent } from '../protocol.ts';
import { slicingRecipe } from '../slicing_recipe.ts';

/** A session's storage whose traffic is counted. */
function counted() {
  const moved = { read: [] as number[], written: 0 };
  let platform: MemoryPlatform;
  const kept = memoryKept(() => platform);
  const slotOf = (slot: ScratchSlot): ScratchSlot => ({
    ...slot,
    read(offset, length) {
      moved.read.push(length);
      return slot.read(offset, length);
    },
  });
  const storeOf = <T extends ScratchStore>(store: T): T => ({
    ...store,
    async append(bytes: Uint8Array) {
      moved.written += bytes.byteLength;
      return slotOf(await store.append(bytes));
    },
  });
  const { createScratch, openScratch } = kept;
  kept.openScratch = async (file) => {
    const found = await openScratch(file);
    return { ...storeOf(found), slot: (place) => slotOf(found.slot(place)) };
  };
  platform = memoryPlatform({ kept, createScratch: async () => storeOf(await createScratch()) });
  return { kept, platform, moved };
}

/** Slices until a layer begins, and no further. */
function sliceTo(engine: Engine, layer: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const dead = new Promise<never>(() => {});
    const onEvent = (event: EngineEvent) => {
      if (event.type !== 'progress' || event.stage !== 'compression' || event.layer !== layer) return;
      resolve();
      throw dead;
    };
    engine.run('compress', slicingRecipe(SLICE), onEvent).then(() => reject(new Error('It was done.')), reject);
  });
}

/** What is moved from the moment that a new engine has opened the model to the first layer that is not finished. */
async function resumed(layers: number) {
  const { kept, platform, moved } = counted();
  const model = source({ num_hidden_layers: layers });
  // An engine that is gone clears nothing up behind it.
  const { remove } = kept;
  kept.remove = async () => undefined;
  await sliceTo(await started(platform, model), layers - 1).catch(() => undefined);
  await new Promise((done) => setTimeout(done, 20));
  kept.remove = remove;
  const engine = await started(platform, model);
  const { layers: record } = JSON.parse(kept.records.get('checkpoint.json') as string);
  const put = [...Object.values(record.streams).flat(), ...Object.values(record.tensors)] as {
    place: { bytes: number };
  }[];
  const sizes = put.map(({ place }) => place.bytes);
  const before = diskTraffic();
  moved.read = [];
  moved.written = 0;
  await engine.run('restore', { runs: [] });
  await sliceTo(engine, layers - 1);
  return {
    ...{ sizes, read: [...moved.read], written: moved.written, files: diskTraffic(before).files_read },
    stored: [...kept.files.values()].flat().reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

it('reads back the states and bases that it goes on with, each by itself, and nothing else', async () => {
  const [few, many] = [await resumed(2), await resumed(5)];
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  for (const { sizes, read, written, files } of [few, many]) {
    expect([...read].sort()).toEqual([...sizes].sort());
    expect(written).toBe(0);
    expect(files).toBe(0);
  }
  // However much is finished.
  expect(many.stored).toBeGreaterThan(1.5 * few.stored);
  expect(sum(many.read)).toBe(sum(few.read));
});
