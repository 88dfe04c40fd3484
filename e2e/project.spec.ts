/** What was chosen is taken back, and a project file carries a session to another browser. */
import { readFile } from 'node:fs/promises';
import { dropFiles, expect, openDemo, saveRuns, slice, sliceRuns, test, waitForJob } from './fixtures.ts';

test('settings are undone by key and button; a project opens in a fresh browser with its figures', async ({
  page,
  browser,
  baseURL,
}) => {
  await openDemo(page);
  const slider = page.getByRole('slider', { name: 'Sparsity' });
  await slider.fill('40');
  await page.getByRole('heading', { name: 'Whittle' }).click();
  await page.keyboard.press('Control+z');
  await expect(slider).toHaveValue('25');
  await page.getByRole('button', { name: /^Redo sparsity/ }).click();
  await expect(slider).toHaveValue('40');
  await page.keyboard.press('Control+z');
  await slice(page, 25);
  // A quick measure, begun where the slider stood again, may be another row.
  const remove = page.getByRole('button', { name: 'Remove slicegpt:sparsity=0.25', exact: true });
  await remove.click();
  await expect(remove).toHaveCount(0);
  await page.keyboard.press('Control+z');
  await expect(remove).toHaveCount(1);

  const saving = page.waitForEvent('download');
  await saveRuns(page, 'Project');
  const download = await saving;
  expect(download.suggestedFilename()).toBe('Built-in-demo.whittle.json');
  const bytes = await readFile(await download.path());

  const fresh = await browser.newContext({ baseURL, serviceWorkers: 'block' });
  const other = await fresh.newPage();
  await other.goto('./');
  await dropFiles(other, [{ name: download.suggestedFilename(), bytes }]);
  await waitForJob(other, 'Opening Built-in demo');
  await expect(sliceRuns(other)).toHaveCount(1);
  await expect(sliceRuns(other)).toContainText('weights lost');
  await dropFiles(other, [
    { name: 'bad.whittle.json', bytes: Buffer.from('{"format":"whittle-project","version":9}') },
  ]);
  await expect(other.getByRole('alert')).toContainText('A newer Whittle wrote it');
  await fresh.close();
});
