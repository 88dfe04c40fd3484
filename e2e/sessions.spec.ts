/** What outlives the page: sessions after a reload and a killed Worker, their list, two tabs. */
import { renameSync, writeFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import {
  chooseWindows,
  dropFiles,
  expect,
  expectNoViolations,
  ggufFile,
  OPT,
  openDemo,
  optAbsent,
  readFolder,
  region,
  STORIES,
  shownFigure,
  slice,
  sliceRuns,
  storiesAbsent,
  test,
  waitForJob,
} from './fixtures.ts';

const sessions = (page: Page) => region(page, 'Sessions');

async function exportedHash(page: Page): Promise<string> {
  await page
    .getByRole('button', { name: /^Export/ })
    .first()
    .click();
  await waitForJob(page, 'Exporting');
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const found: string[] = [];
    const walk = async (folder: FileSystemDirectoryHandle) => {
      for await (const entry of folder.values()) {
        if (entry.kind === 'directory') await walk(entry as FileSystemDirectoryHandle);
        else if (entry.name === 'model.onnx') {
          const bytes = await (await (entry as FileSystemFileHandle).getFile()).arrayBuffer();
          const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
          found.push(Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''));
        }
      }
    };
    await walk(root);
    return found.join(' ');
  });
}

test('a reload in the middle of a job: the session goes on to the same file as an unbroken run', async ({
  page,
  browser,
  baseURL,
}) => {
  // In a browser of its own: a page that has made a model does not make it again.
  const elsewhere = await browser.newContext({ baseURL, serviceWorkers: 'block' });
  const whole = await elsewhere.newPage();
  await openDemo(whole);
  await slice(whole, 30);
  const unbroken = await exportedHash(whole);
  await elsewhere.close();

  await openDemo(page);
  await slice(page, 25);
  const perplexity = await shownFigure(page, 'Perplexity', 2);
  // The same, broken off.
  await page.getByRole('slider', { name: 'Sparsity' }).fill('30');
  await chooseWindows(page, 2, 32);
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await expect(region(page, 'Job').locator('.job-line')).toContainText('layer');
  page.on('dialog', (dialog) => void dialog.accept());
  await page.reload();

  const offer = sessions(page);
  await expect(offer).toContainText(/Built-in demo, 1 run, Slicing 30 % stopped/);
  await expectNoViolations(page);
  await offer.getByRole('button', { name: 'Go on' }).click();
  await waitForJob(page, 'Slicing 30 %');
  await expect(sliceRuns(page)).toHaveCount(2);
  await expect(sliceRuns(page).filter({ hasText: 'weights lost' })).toHaveCount(0);
  expect(await exportedHash(page)).toBe(unbroken);
  await page.getByRole('slider', { name: 'Sparsity' }).fill('25');
  await expect.poll(() => shownFigure(page, 'Perplexity', 2)).toBe(perplexity);
});

test('another model leaves the session in the list: renamed, looked at in another tab, gone on with, deleted', async ({
  page,
  context,
}) => {
  await openDemo(page);
  await slice(page, 25);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  await expect(sliceRuns(page)).toHaveCount(0);
  await page.getByText('1 other session').click();
  const list = sessions(page);
  await expect(list).toContainText('1 run');
  const name = list.getByRole('textbox', { name: 'Name of the session Built-in demo' });
  await name.fill('First try');
  await name.press('Enter');
  await list.getByRole('button', { name: 'Go on with First try' }).click();
  await waitForJob(page, 'Opening First try');
  await expect(sliceRuns(page)).toHaveCount(1);
  await expect(sliceRuns(page).filter({ hasText: 'weights lost' })).toHaveCount(0);

  const other = await context.newPage();
  await other.goto('./');
  await sessions(other).getByRole('button', { name: 'Look at First try' }).click();
  await expect(sliceRuns(other)).toHaveCount(1);
  await other.getByRole('button', { name: 'Slice', exact: true }).click();
  await expect(region(other, 'Slice').getByRole('alert')).toContainText('is open in another tab');
  await other.close();

  await page.reload();
  const offer = sessions(page);
  await expect(offer).toContainText('First try, 1 run');
  await offer.getByRole('button', { name: 'Discard' }).click();
  await offer.getByRole('button', { name: /press again/ }).click();
  await expect(offer).not.toContainText('First try');
});

/** Drops a file of this disk as the system does: only such a drop has handles. */
async function dropFromDisk(page: Page, path: string): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await cdp.send('Input.dispatchDragEvent', { type, x: 700, y: 400, data });
  await cdp.detach();
}

test('a dropped file is found again after a reload by its handle; moved away, it is asked for', async ({
  page,
}, info) => {
  const { name, bytes } = await ggufFile('llama');
  const path = info.outputPath(name);
  writeFileSync(path, bytes);
  await page.goto('./');
  await chooseWindows(page, 2, 32);
  await dropFromDisk(page, path);
  await waitForJob(page, 'Opening the model');
  await slice(page, 25);
  await page.reload();
  const offer = sessions(page).getByRole('button', { name: 'Go on' });
  await offer.click();
  await waitForJob(page, 'Opening ');
  await expect(sliceRuns(page)).toHaveCount(1);
  await expect(sliceRuns(page).filter({ hasText: 'weights lost' })).toHaveCount(0);

  const moved = `${path}.moved`;
  renameSync(path, moved);
  await page.reload();
  await offer.click();
  await expect(sessions(page)).toContainText('Drop the files of');
  renameSync(moved, path);
  await dropFromDisk(page, path);
  await waitForJob(page, 'Opening ');
  await expect(sliceRuns(page).filter({ hasText: 'weights lost' })).toHaveCount(0);
});

test('files without a handle are asked for, and others refused', async ({ page }) => {
  test.skip(storiesAbsent !== undefined, storiesAbsent);
  test.skip(optAbsent !== undefined, optAbsent);
  await page.goto('./');
  await chooseWindows(page, 2, 32);
  await dropFiles(page, readFolder(STORIES.folder));
  await waitForJob(page, 'Opening the model');
  await slice(page, 25);
  await page.reload();
  await sessions(page).getByRole('button', { name: 'Go on' }).click();
  await expect(sessions(page)).toContainText('Drop the files of');
  await dropFiles(page, readFolder(OPT.folder));
  await expect(page.getByRole('alert')).toContainText('another_model');
  await dropFiles(page, readFolder(STORIES.folder));
  await waitForJob(page, 'Opening ');
  await expect(sliceRuns(page)).toHaveCount(1);
});
