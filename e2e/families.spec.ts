/** Models of other families and formats, and exports of every kind, through the studio as it is built. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { family, familyFiles } from '../test/fixtures/families/family_model.ts';
import {
  chooseWindows,
  dropFiles,
  expect,
  expectNoViolations,
  type FileBytes,
  ggufFile,
  region,
  test,
  waitForJob,
} from './fixtures.ts';

async function folderOf(name: string): Promise<FileBytes[]> {
  const files = await familyFiles(await family(name));
  return Promise.all(
    files.map(async ({ path, blob }) => ({
      name: path.split('/').pop() as string,
      bytes: Buffer.from(await blob.arrayBuffer()),
    })),
  );
}

async function exportAs(page: Page, format: string, precision: string, suffix = ''): Promise<void> {
  const result = page.locator('.column-right');
  await result.getByLabel(`Format${suffix}`, { exact: true }).selectOption(format);
  await result.getByLabel(`Precision${suffix}`, { exact: true }).selectOption(precision);
  const name = `Export ${format === 'onnx' ? 'ONNX' : format}`;
  const wanted = precision === 'stored' ? name : `${name}, ${precision}`;
  await result.getByRole('button', { name: wanted, exact: true }).last().click();
  await waitForJob(page, 'Exporting');
}

test('a GGUF file alone: facts, sliced, exported in two formats with the perplexity of each, and saved as a zip', async ({
  page,
}) => {
  await page.goto('./');
  await chooseWindows(page, 2, 32);
  await dropFiles(page, [await ggufFile('llama')]);
  const model = region(page, 'Model');
  await expect(model).toContainText('tiny-llama.gguf');
  await expect(model).toContainText('sequential · RMSNorm');
  await waitForJob(page, 'Opening the model');
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await waitForJob(page, 'Slicing 25 %');

  const result = region(page, 'Result');
  // Each head has its row: a bar with its size, or the reason why there is none.
  await result.getByText('Size by part').click();
  const heads = result.getByRole('table', { name: 'Size under each head' });
  await expect(heads.getByRole('row', { name: /^untied ?, chosen/ })).toContainText('%');
  await expect(heads.getByRole('row', { name: /^tied-sliced/ })).toContainText('matrix of its own');

  // What GGUF cannot hold is said before anything is written.
  await result.getByLabel('Format', { exact: true }).selectOption('gguf');
  await expect(result.getByText(/no place for the shortcuts/)).toBeVisible();
  await expect(result.getByRole('button', { name: 'Export GGUF' })).toBeDisabled();

  await exportAs(page, 'onnx', 'stored');
  await exportAs(page, 'transformers.js', 'int4');
  const exports = page.getByRole('list', { name: 'Exports', exact: true }).locator(':scope > li');
  await expect(exports).toHaveCount(2);
  for (const [index, name] of ['transformers.js, int4', 'ONNX'].entries()) {
    const item = exports.nth(index);
    await expect(item).toContainText(name);
    await expect(item).toContainText('Verified in onnxruntime-web');
    await expect(item).toContainText(/Perplexity of this file\d+(\.\d+)?/);
    await expect(item).toContainText(/Against the run[+−<]?[\d.]+ %/);
  }

  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download all of transformers.js, int4' }).click();
  const download = await waiting;
  expect(download.suggestedFilename()).toBe('tiny-llama-25-transformers.js-int4.zip');
  const path = join(mkdtempSync(join(tmpdir(), 'whittle-e2e-')), 'export.zip');
  await download.saveAs(path);
  const zip = readFileSync(path);
  expect(zip.subarray(0, 4)).toEqual(Buffer.from('PK\x03\x04'));
  for (const name of ['onnx/model_q4.onnx', 'config.json', 'tokenizer.json', 'report.json']) {
    expect(zip.includes(`tiny-llama-25-transformers.js-int4/${name}`), name).toBe(true);
  }
});

test('a model that cannot be sliced: why, its perplexity, and its export as it is', async ({ page }) => {
  await page.goto('./');
  await chooseWindows(page, 2, 32);
  await dropFiles(page, await folderOf('olmo2'));
  await waitForJob(page, 'Opening the model');
  const slice = region(page, 'Slice');
  await expect(slice).toContainText('SliceGPT cannot slice this model.');
  await expect(slice).toContainText('norm what they add to the residual stream');
  await expect(slice.getByRole('slider')).toHaveCount(0);
  // Measured, but not calibrated.
  const live = page.getByRole('region', { name: 'Perplexity, live' });
  await expect(live.getByRole('row')).toHaveCount(3);
  await expect(page.getByRole('region', { name: 'Eigenvalues' })).toContainText('cannot be sliced');
  await expect(region(page, 'Calibration').getByRole('button', { name: 'Measure' })).toHaveCount(0);

  await exportAs(page, 'onnx', 'int8', ' of the open model');
  const exports = page.getByRole('list', { name: 'Exports of the open model' });
  await expect(exports).toContainText('Verified in onnxruntime-web');
  await expect(exports).toContainText(/Against the model[+−<]?[\d.]+ %/);
  await expectNoViolations(page);
});

test('parallel blocks have one site a layer', async ({ page }) => {
  await page.goto('./');
  await chooseWindows(page, 2, 32);
  await dropFiles(page, await folderOf('gpt_neox'));
  await expect(region(page, 'Model')).toContainText('parallel · LayerNorm');
  await waitForJob(page, 'Opening the model');
  const spectra = page.getByRole('region', { name: 'Eigenvalues' });
  const sites = spectra.getByLabel('Site', { exact: true }).getByRole('option');
  await expect(sites).toHaveText(['embedding', 'layer 0 output', 'layer 1 output']);
  const energy = page.getByRole('region', { name: 'Discarded energy' });
  await expect(energy.getByRole('row')).toHaveCount(4);
});
