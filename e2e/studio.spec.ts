import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import {
  chooseWindows,
  dropFiles,
  expect,
  readFolder,
  region,
  STORIES,
  shownFigure,
  storiesAbsent,
  test,
  waitForJob,
} from './fixtures.ts';
import { onnxPerplexity } from './onnx_perplexity.ts';

const WINDOWS = 4;
const SEQLEN = 128;

/** Saves the files of a verified export as a person does, one download each. */
async function downloadExport(page: Page): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'whittle-e2e-'));
  const result = region(page, 'Result');
  await result.getByText(/^\d+ files of ONNX/).click();
  for (const name of ['model.onnx', 'tokenizer.json', 'tokenizer_config.json', 'config.json', 'report.json']) {
    const waiting = page.waitForEvent('download');
    await result.getByRole('button', { name: `Download ${name}`, exact: true }).click();
    const download = await waiting;
    expect(download.suggestedFilename()).toBe(name);
    await download.saveAs(join(folder, name));
  }
  return folder;
}

test('drop sharded files, slide, slice, export, download, and judge the ONNX file outside', async ({ page }) => {
  test.skip(storiesAbsent !== undefined, storiesAbsent);
  await page.goto('./');
  await page.getByLabel('Calibration text file').setInputFiles(STORIES.calibration);
  await page.getByLabel('Evaluation text file').setInputFiles(STORIES.evaluation);
  await chooseWindows(page, WINDOWS, SEQLEN);

  await dropFiles(page, readFolder(STORIES.folder));
  const model = region(page, 'Model');
  await expect(model).toContainText('LlamaForCausalLM');
  await expect(model).toContainText('260 k');
  await expect(model).toContainText('5 × 64');
  await waitForJob(page, 'Opening the model');
  const dense = await shownFigure(page, 'Perplexity', 1);
  expect(Number(dense)).toBeGreaterThan(2);
  expect(Number(dense)).toBeLessThan(6);
  await expect.poll(() => shownFigure(page, 'Perplexity', 2)).toBe('–');

  // The slider redraws size and dimension at once; letting it go measures.
  const slider = page.getByRole('slider', { name: 'Sparsity' });
  const planned = await shownFigure(page, 'Parameters', 2);
  await slider.focus();
  await slider.press('Home');
  await expect(slider).toHaveAttribute('aria-valuetext', /^64 of 64 dimensions/);
  await expect.poll(() => shownFigure(page, 'Parameters', 2)).not.toBe(planned);
  await slider.fill('25');
  await slider.press('ArrowRight');
  await expect(slider).toHaveAttribute('aria-valuetext', /^40 of 64 dimensions, 26 % removed/);
  await waitForJob(page, 'Quick measure at 26 %');
  await expect.poll(async () => Number(await shownFigure(page, 'Perplexity', 2))).toBeGreaterThan(Number(dense));

  await slider.fill('12');
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await waitForJob(page, 'Slicing 12 %');
  const sliced = await shownFigure(page, 'Perplexity', 2);
  expect(Number(sliced)).toBeGreaterThan(Number(dense));

  // Every chart is drawn, and readable as a table.
  for (const title of ['Perplexity, live', 'Quality against size', 'Eigenvalues', 'Discarded energy']) {
    const chart = page.getByRole('region', { name: new RegExp(`^${title}`) });
    await expect(chart.locator('svg:is(.recharts-surface, .plot)').first()).toBeVisible();
    expect(await chart.getByRole('row').count()).toBeGreaterThan(1);
  }

  await page.getByRole('button', { name: 'Export ONNX' }).click();
  await waitForJob(page, 'Export');
  await expect(region(page, 'Result')).toContainText('Verified in onnxruntime-web');
  const folder = await downloadExport(page);
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
  expect(report.sliced[0]).toMatchObject({ sparsity: 0.12, dimension: 56, onnx: { verified: true } });
  // What is shown is what is reported, to the digits shown.
  const digits = sliced.split('.')[1]?.length ?? 0;
  expect(report.sliced[0].perplexity.toFixed(digits)).toBe(sliced);

  const outside = await onnxPerplexity(
    join(folder, 'model.onnx'),
    join(folder, 'tokenizer.json'),
    join(folder, 'tokenizer_config.json'),
    STORIES.evaluation,
    { windows: WINDOWS, seqlen: SEQLEN },
  );
  expect(Math.abs(outside / report.sliced[0].perplexity - 1)).toBeLessThan(1e-3);
});

test('cancel ends a job, says so, and frees its memory', async ({ page }) => {
  await page.goto('./');
  await chooseWindows(page, 8, 256);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  const job = region(page, 'Job');
  await expect(job).toHaveAttribute('data-state', 'running');
  await expect(job.getByText(/in use/)).toBeVisible({ timeout: 60_000 });
  await job.getByRole('button', { name: 'Cancel' }).click();
  await expect(job.locator('.job-line')).toHaveText(/cancelled after/, { timeout: 60_000 });
  await expect(job.getByText(/in use/)).toHaveCount(0);
  // The page works on: the same model opens again, and is measured this time.
  await chooseWindows(page, 1, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
});

test('a software adapter is passed over, taken with one press, and left with one, by keyboard', async ({ page }) => {
  await page.goto('./');
  const badge = page.getByRole('banner').getByRole('button', { name: /^(CPU|WebGPU)/ });
  await expect(badge).toBeVisible();
  test.skip(!/^CPU/.test((await badge.textContent()) ?? ''), 'this machine has a GPU');
  await chooseWindows(page, 1, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  const onCpu = await shownFigure(page, 'Perplexity', 1);

  const force = page.getByRole('button', { name: 'Use WebGPU all the same' });
  await force.focus();
  await page.keyboard.press('Enter');
  await expect(badge).toContainText('WebGPU');
  await waitForJob(page, 'Opening the model');
  await expect.poll(() => shownFigure(page, 'Perplexity', 1)).toBe(onCpu);

  // Every fact of the device has room in its panel.
  await badge.press('Enter');
  await expect(page.locator('#capabilities')).toContainText('Largest buffer');
  const overflowing = await page
    .locator('#capabilities .facts > div')
    .evaluateAll((rows) => rows.filter((row) => row.scrollWidth > row.clientWidth).map((row) => row.textContent));
  expect(overflowing).toEqual([]);

  // Runs would go with the other backend: asked first, and Escape takes the question back.
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await waitForJob(page, 'Slicing');
  await page.getByRole('button', { name: 'Use the CPU backend' }).focus();
  await page.keyboard.press('Enter');
  const question = page.getByRole('dialog', { name: /on another backend/ });
  await expect(question).toContainText('1 run');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: 'Runs' })).toHaveCount(1);
  await page.keyboard.press('Enter');
  await question.getByRole('button', { name: 'Change and discard' }).press('Enter');
  await expect(badge).toContainText('CPU');
  await waitForJob(page, 'Opening the model');
  await expect(page.getByRole('heading', { name: 'Runs' })).toHaveCount(0);
});

test('without WebGPU the page says so and the reference backend works', async ({ page }) => {
  test.skip(storiesAbsent !== undefined, storiesAbsent);
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
  // Workers have a navigator of their own.
  await page.route(/worker-[\w-]+\.js$/, async (route) => {
    const response = await route.fetch();
    const hide = "Object.defineProperty(WorkerNavigator.prototype,'gpu',{value:undefined});";
    await route.fulfill({ response, body: hide + (await response.text()) });
  });
  await page.goto('./');
  const banner = page.getByText('Running on the CPU.');
  await expect(banner).toBeVisible();
  await page.getByRole('button', { name: /^Dismiss: running/ }).click();
  await expect(banner).toHaveCount(0);
  await page.getByLabel('Calibration text file').setInputFiles(STORIES.calibration);
  await page.getByLabel('Evaluation text file').setInputFiles(STORIES.evaluation);
  await chooseWindows(page, 1, 32);
  await dropFiles(page, readFolder(STORIES.folder));
  await waitForJob(page, 'Opening the model');
  await expect(page.getByRole('banner')).toContainText(/CPU/i);
});
