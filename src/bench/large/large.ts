/** @file `npm run bench -- --large` and `--large-7b`: writes a model of billions, takes it through the app, and tells what it took. */
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { say } from '../bench_browser.ts';
import { LLAMA_7B, type LlamaSizes, SIZES, TINY_LLAMA } from '../memory_plans.ts';
import type { LargeReport } from './figures.ts';
import { calibration, planned, wholeJob } from './job.ts';
import { llamaConfig } from './llama_tensors.ts';
import { writeLlama } from './write_model.ts';

export interface LargeOptions {
  size: '1.1b' | '7b';
  /** Fewer than the model has: the same shapes in less time. */
  layers?: number;
  /** Where the model is written and left; absent: a folder that is removed. */
  folder?: string;
}

/** Of the 7 B, whose other layers are holes of sparse files. */
const CALIBRATED_LAYERS = 2;

export async function measureLarge({ size, layers, folder }: LargeOptions): Promise<LargeReport> {
  const name = size === '7b' ? LLAMA_7B : TINY_LLAMA;
  const sizes: LlamaSizes = { ...SIZES[name], ...(layers !== undefined && { layers }) };
  const place = folder ?? (await mkdtemp(join(tmpdir(), 'whittle-large-')));
  const model = join(place, 'model');
  try {
    const filled_layers = size === '7b' ? CALIBRATED_LAYERS : sizes.layers;
    const isThere = await readdir(model).then(
      (files) => files.includes('config.json'),
      () => false,
    );
    if (isThere) say(`large: ${model} is there already`);
    else await writeLlama(model, sizes, { filled_layers, onBytes: teller() });
    if (size === '1.1b') return { model: name, figures: [await wholeJob(model)] };
    const whole = await planned(model);
    const few = join(place, `${CALIBRATED_LAYERS}-layers`);
    await firstLayers(model, few, { ...sizes, layers: CALIBRATED_LAYERS });
    return { model: name, figures: [whole, await calibration(few)] };
  } finally {
    if (folder === undefined) await rm(place, { recursive: true, force: true });
  }
}

/** The same files under a config of fewer layers: weights of the others are passed over. */
async function firstLayers(from: string, to: string, sizes: LlamaSizes): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to);
  for (const name of await readdir(from)) {
    if (name.endsWith('.safetensors')) await symlink(join(from, name), join(to, name));
    else await copyFile(join(from, name), join(to, name));
  }
  await writeFile(join(to, 'config.json'), JSON.stringify(llamaConfig(sizes)));
}

function teller() {
  let told = 0;
  return (written: number, total: number) => {
    if (written < total && written - told < 0.1 * total) return;
    told = written;
    say(`large: writing the model, ${(written / 1e9).toFixed(2)} of ${(total / 1e9).toFixed(2)} GB`);
  };
}
