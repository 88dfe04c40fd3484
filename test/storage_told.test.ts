/** What a job is told to need of the browser's storage holds: never more is in use at a time, and the figure is of that order. */
import { expect, it } from 'vitest';
import { isFull } from '../src/backend/testing.ts';
import type { StepInput } from '../src/engine/protocol.ts';
import { slicingRecipe } from '../src/engine/slicing_recipe.ts';
import { memoryKept } from './support/memory_kept.ts';
import { type MemoryPlatform, memoryPlatform } from './support/memory_platform.ts';
import { SLICE, source, started } from './support/test_engine.ts';

const GPTQ: StepInput = { method: 'gptq', options: { bits: 4, group: 8 } };
const SLICED: StepInput = { method: 'slicegpt', options: { sparsity: 0.25, round: 2 } };
const JOBS: [string, readonly StepInput[]][] = [
  ['slicing', slicingRecipe(SLICE).steps],
  ['slicing with all bases first', slicingRecipe({ ...SLICE, schedule: 'rotate-once' }).steps],
  ['gptq behind slicing', [SLICED, GPTQ]],
];
if (isFull) {
  JOBS.push(
    ['slicing that recovers', [SLICED, { method: 'recover' }]],
    ['gptq', [GPTQ]],
    ['gptq towards the dense stream', [{ method: 'correct' }, GPTQ]],
  );
}

it.each(JOBS)('%s', async (_, steps) => {
  let platform: MemoryPlatform;
  const kept = memoryKept(() => platform);
  let most = 0;
  platform = memoryPlatform({
    kept,
    async createScratch() {
      const scratch = await kept.createScratch();
      return {
        ...scratch,
        async append(bytes) {
          const slot = await scratch.append(bytes);
          const used = [...kept.files.values()].flat().reduce((sum, { byteLength }) => sum + byteLength, 0);
          most = Math.max(most, used);
          return slot;
        },
      };
    },
  });
  const engine = await started(platform, source({ hidden_size: 32, intermediate_size: 96 }));
  const { storage_bytes } = await engine.run('plan', { steps });
  await engine.run('compress', { steps });
  expect(most).toBeGreaterThan(0.2 * storage_bytes);
  expect(most).toBeLessThanOrEqual(storage_bytes);
});
