/** @file The page as a person feels it, on a machine with or without a GPU: models opened, and all that is dragged. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { type HeadlessBrowser, launchHeadless } from '../../cli/browser.ts';
import { modelFiles } from '../../cli/inputs.ts';
import { labModel } from '../lab_model.ts';
import { type Control, type DragFigure, Meter, measureDrag } from './drag.ts';
import { measureOpening, type OpeningFigure } from './opening.ts';
import { writeSyntheticModel } from './synthetic_model.ts';

export interface StudioFigures {
  opening: OpeningFigure[];
  drag: DragFigure[];
}

const IDLE: readonly Control[] = ['sparsity', 'cut line', 'site bars', 'size target'];

/**
 * Opens a synthetic model of thirty layers and a real one where there is one, each on a page of its own; drags every control of
 * the first with the engine idle, then the slider while a job runs. @param model Path of the real one.
 */
export async function measureStudio(app: string, model?: string): Promise<StudioFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'whittle-drag-'));
  try {
    const synthetic = await writeSyntheticModel(folder);
    const figures = await onPage(app, async (browser) => ({
      opening: [await measureOpening(browser.page, synthetic)],
      drag: await drags(browser.page),
    }));
    const path = model ?? (await labModel());
    const real = (path === undefined ? undefined : modelFiles(path))?.map((file) => file.path);
    if (real) figures.opening.push(await onPage(app, ({ page }) => measureOpening(page, real)));
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function onPage<T>(app: string, measure: (browser: HeadlessBrowser) => Promise<T>): Promise<T> {
  const browser = await launchHeadless(app, 'index.html');
  try {
    await browser.page.setViewportSize({ width: 1440, height: 900 });
    return await measure(browser);
  } finally {
    await browser.close();
  }
}

async function drags(page: Page): Promise<DragFigure[]> {
  const meter = await Meter.of(page);
  const figures: DragFigure[] = [];
  for (const control of IDLE) {
    await calm(page);
    await meter.quiet();
    figures.push(await measureDrag(page, meter, control, 'idle'));
  }
  await calm(page);
  await page.getByRole('button', { name: /^Sweep/ }).click();
  await page.waitForTimeout(1500);
  return [...figures, await measureDrag(page, meter, 'sparsity', 'busy')];
}

/** Until what letting go has begun is over. */
async function calm(page: Page): Promise<void> {
  await page.waitForTimeout(500);
  await page.waitForFunction(() =>
    /(?:done in|failed|cancelled)/.test(document.querySelector('.job-line')?.textContent ?? ''),
  );
}
