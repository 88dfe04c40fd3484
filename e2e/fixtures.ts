/** @file What every end-to-end test stands on: a page that may not complain or call out, and real models to drop on it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { family } from '../test/fixtures/families/family_model.ts';
import { ggufBlob, ggufFamily } from '../test/fixtures/gguf_model.ts';

export { expectNoViolations } from './axe.ts';

/** WHITTLE_FULL=1: every row. Else rows wait whose kind another default test shows. */
export const isFull = process.env.WHITTLE_FULL === '1';

const SHARED = fileURLToPath(new URL('../../shared/', import.meta.url));

export const STORIES = {
  folder: join(SHARED, 'models', 'stories260k'),
  calibration: join(SHARED, 'text', 'stories.calibration.txt'),
  evaluation: join(SHARED, 'text', 'stories.evaluation.txt'),
};

/** A small trained OPT: LayerNorm, biases, learned positions. */
export const OPT = {
  folder: join(SHARED, 'models', 'opt-tiny'),
  calibration: join(SHARED, 'text', 'brown.calibration.txt'),
  evaluation: join(SHARED, 'text', 'brown.evaluation.txt'),
};

export const optAbsent = existsSync(OPT.folder)
  ? undefined
  : 'the opt-tiny model is not beside this checkout (shared/models/opt-tiny)';

/** Why a test on the stories model cannot run here, or nothing. */
export const storiesAbsent = existsSync(STORIES.folder)
  ? undefined
  : 'the stories260k model is not beside this checkout (shared/models/stories260k)';

/** Fails the test on a console error, an uncaught exception, or a request that leaves this origin. */
export const test = base.extend({
  page: async ({ page, baseURL }, use) => {
    const problems: string[] = [];
    const origin = new URL(baseURL ?? '').origin;
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
    page.context().on('request', (request) => {
      const url = new URL(request.url());
      if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== origin) problems.push(`request: ${url.href}`);
    });
    await use(page);
    expect(problems).toEqual([]);
  },
});

export { expect };

export interface FileBytes {
  name: string;
  bytes: Buffer;
}

export function readFolder(folder: string): FileBytes[] {
  return readdirSync(folder).map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}

/** A small model of random weights, as one GGUF file. */
export async function ggufFile(name: string): Promise<FileBytes> {
  const blob = await ggufBlob(ggufFamily(await family(name)));
  return { name: `tiny-${name}.gguf`, bytes: Buffer.from(await blob.arrayBuffer()) };
}

/** Drops files on the page as a person does, with a real DataTransfer. */
export async function dropFiles(page: Page, files: FileBytes[]): Promise<void> {
  const encoded = files.map(({ name, bytes }) => ({ name, base64: bytes.toString('base64') }));
  const transfer = await page.evaluateHandle(async (list) => {
    const data = new DataTransfer();
    for (const { name, base64 } of list) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      data.items.add(new File([bytes], name));
    }
    return data;
  }, encoded);
  await page.dispatchEvent('main', 'dragover', { dataTransfer: transfer });
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
}

export const region = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true });

/** Few and short windows: the software adapter is slow, and the path is the same. */
export async function chooseWindows(page: Page, windows: number, seqlen: number): Promise<void> {
  const calibration = region(page, 'Calibration');
  await fillNumber(calibration.getByRole('spinbutton', { name: /calibration/i }), windows);
  await fillNumber(calibration.getByRole('spinbutton', { name: /evaluation/i }), windows);
  await fillNumber(calibration.getByRole('spinbutton', { name: /^Length/ }), seqlen);
}

async function fillNumber(field: Locator, value: number): Promise<void> {
  await field.fill(String(value));
  await field.press('Enter');
}

/** What the trial of one layer is to have found, in seconds; above 20 in all the page asks before it measures. */
export async function foretell(page: Page, evaluation_s: number, calibration_s: number): Promise<void> {
  const body = `export const measureTimeCommand = async () => (${JSON.stringify({ evaluation_s, calibration_s })});`;
  await page.route(/measure_time-.*\.js$/, (route) => route.fulfill({ contentType: 'text/javascript', body }));
}

/** Pictures to look at, into the folder of WHITTLE_PICTURES; nothing where that is not set. */
export async function pictures(page: Page, name: string): Promise<void> {
  const folder = process.env.WHITTLE_PICTURES;
  const before = page.viewportSize();
  if (!folder || !before) return;
  for (const [width, height] of [
    [1440, 900],
    [1280, 720],
    [390, 844],
  ]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // Buttons change their colour softly.
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: width < 720 });
    }
  }
  await page.setViewportSize(before);
}

/** Waits until the job of this title ended, and fails at once when it did not end well. */
export async function waitForJob(page: Page, title: string, timeout = 180_000): Promise<void> {
  const line = region(page, 'Job').locator('.job-line');
  await expect(line).toHaveText(new RegExp(`^${title}.*(done in|failed|cancelled after)`), { timeout });
  await expect(line).toContainText('done in');
}

/** A number that the result table shows: column 1 is the dense model, 2 the sliced one. */
export async function shownFigure(page: Page, row: string, column: 1 | 2): Promise<string> {
  const cells = region(page, 'Result')
    .getByRole('row', { name: new RegExp(`^${row}`) })
    .getByRole('cell');
  return (await cells.nth(column - 1).textContent())?.trim() ?? '';
}

/** The built-in model on two short windows. */
export async function openDemo(page: Page): Promise<void> {
  await page.goto('./');
  await chooseWindows(page, 2, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
}

/** By the slider, and whole. */
export async function slice(page: Page, percent: number): Promise<void> {
  await page.getByRole('slider', { name: 'Sparsity' }).fill(String(percent));
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await waitForJob(page, `Slicing ${percent} %`);
}

/** Rows of the table of runs that are slices. */
export const sliceRuns = (page: Page) => region(page, 'Runs').getByRole('row', { name: /slicegpt:sparsity=/ });

/** Of the menu that the table of runs saves by. */
export async function saveRuns(page: Page, what: string): Promise<void> {
  const runs = region(page, 'Runs');
  await runs.getByRole('button', { name: 'Save', exact: true }).click();
  await runs.getByRole('button', { name: what }).click();
}

/** What a press saves. */
export async function saved(page: Page, press: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}
