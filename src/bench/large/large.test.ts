/** The machinery of `npm run bench -- --large` on small sizes: what is written opens, and processes are seen. */
import { spawn } from 'node:child_process';
import { existsSync, openAsBlob } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { countParameters } from '../../models/model_size.ts';
import { openModel } from '../../models/open_model.ts';
import { LLAMA_7B, SIZES, TINY_LLAMA } from '../memory_plans.ts';
import { parseBenchOptions } from '../options.ts';
import { llamaTensors, shardsOf, tensorBytes } from './llama_tensors.ts';
import { watchBrowser } from './processes.ts';
import { largeTables } from './tables.ts';
import { writeLlama } from './write_model.ts';

const SMALL = { vocabulary: 300, hidden: 32, intermediate: 48, layers: 3, heads: 4, kvHeads: 2, tied: false };

describe('a large model of the bench', () => {
  it('has the parameters of TinyLlama and of Llama-2-7B', () => {
    const parameters = (name: string) =>
      llamaTensors(SIZES[name]).reduce((sum, tensor) => sum + tensorBytes(tensor) / 2, 0);
    expect(parameters(TINY_LLAMA)).toBe(1_100_048_384);
    expect(parameters(LLAMA_7B)).toBe(6_738_415_616);
  });

  it('is spread over shards of a size, in order, nothing twice', () => {
    const tensors = llamaTensors(SIZES[TINY_LLAMA]);
    const shards = shardsOf(tensors, 1e9);
    expect(shards.flat()).toEqual(tensors);
    expect(shards).toHaveLength(3);
    for (const shard of shards) {
      expect(shard.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)).toBeLessThanOrEqual(1e9);
    }
    expect(shardsOf(tensors.slice(0, 2), 10).map(({ length }) => length)).toEqual([1, 1]);
  });

  it('opens as it was written, with the same numbers from the same seed, and holes behind the filled layers', async () => {
    const root = await mkdtemp(join(tmpdir(), 'whittle-large-test-'));
    try {
      const opened = async (folder: string) => {
        const names = await readdir(join(root, folder));
        const file = async (name: string) => ({
          path: `${folder}/${name}`,
          blob: await openAsBlob(join(root, folder, name)),
        });
        return openModel(await Promise.all(names.map(file)));
      };
      const bytes = await writeLlama(join(root, 'a'), SMALL, { shard_bytes: 20_000 });
      await writeLlama(join(root, 'b'), SMALL, { shard_bytes: 9_000, filled_layers: 2 });
      const [{ model, warnings }, other] = [await opened('a'), await opened('b')];
      expect(warnings).toEqual([]);
      expect(2 * countParameters(model)).toBe(bytes);
      const up = await model.layers[1].mlp.up_proj.weight.read();
      expect(up).toEqual(await other.model.layers[1].mlp.up_proj.weight.read());
      expect(new Set(up).size).toBeGreaterThan(100);
      expect((await other.model.layers[2].mlp.up_proj.weight.read()).every((byte) => byte === 0)).toBe(true);
      const shards = (await readdir(join(root, 'a'))).filter((name) => name.endsWith('.safetensors'));
      expect(shards.length).toBeGreaterThanOrEqual(4);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });

  it.skipIf(!existsSync('/proc/self/status'))(
    'is weighed by the memory of renderers that this command started',
    async () => {
      const script = 'const a = Buffer.alloc(150e6, 1); setTimeout(() => a, 60000); console.log(1)';
      const child = spawn(process.execPath, ['-e', script, '--', '--type=renderer'], { stdio: 'pipe' });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const meter = watchBrowser(() => 'at work');
      try {
        await vi.waitFor(() => expect(meter?.most.page_bytes).toBeGreaterThan(150e6), 3000);
        expect(meter?.most).toMatchObject({ page_at: 'at work' });
        expect(meter?.most.page_bytes).toBeLessThan(400e6);
        meter?.restart();
        expect(meter?.now.page_bytes).toBe(0);
      } finally {
        meter?.stop();
        child.kill();
      }
    },
  );

  it('is asked for by name', () => {
    expect(parseBenchOptions([])?.large).toBeUndefined();
    expect(parseBenchOptions(['--large'])?.large).toEqual({ size: '1.1b' });
    expect(parseBenchOptions(['--large-7b', '--layers', '3', '--folder', 'x'])?.large).toEqual({
      ...{ size: '7b', layers: 3, folder: 'x' },
    });
    expect(() => parseBenchOptions(['--large', '--layers', 'few'])).toThrow('--layers is "few"');
    expect(() => parseBenchOptions(['--layers', '3'])).toThrow('--large');
    expect(() => parseBenchOptions(['--large', '--large-7b'])).toThrow('one or the other');
  });

  it('is told with its bound, and with what it ended at', () => {
    const figure = { parameters: 1.1e9, bytes: 2.2e9, layers: 22, stages: [], exports: [], seconds: 60 };
    const told = largeTables({ model: 'M', figures: [{ ...figure, page_bytes: 1.6e9, failed: 'no room' }] });
    expect(told).toContain('NOT MET');
    expect(told).toContain('no room');
    expect(largeTables({ model: 'M', figures: [{ ...figure, page_bytes: 1.4e9 }] })).not.toContain('NOT MET');
    const stored = (used_storage_bytes: number) =>
      largeTables({ model: 'M', figures: [{ ...figure, planned_storage_bytes: 500e6, used_storage_bytes }] });
    expect(stored(499e6)).toMatch(/within the plan\s+met/);
    expect(stored(510e6)).toMatch(/within the plan\s+NOT MET/);
  });
});
