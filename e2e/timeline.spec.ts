/** @file The timeline of a job in the studio: recorded on request, drawn, moved by keys, summed in a table, saved. */
import type { Page } from '@playwright/test';
import {
  chooseWindows,
  expect,
  expectNoViolations,
  isFull,
  pictures,
  region,
  saved,
  test,
  waitForJob,
} from './fixtures.ts';

test.skip(!isFull, 'WHITTLE_FULL=1: recorder, view, sums and lanes have tests of their own');

test('a timeline of the last job, by keyboard alone', async ({ page }) => {
  await page.goto('./');
  await chooseWindows(page, 2, 64);
  const fold = page.getByText('How it spends its time');
  await fold.focus();
  await page.keyboard.press('Enter');
  const record = page.getByRole('checkbox', { name: 'Record a timeline' });
  await expect(record).not.toBeChecked();
  await record.focus();
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: 'Try the built-in model' }).press('Enter');
  await waitForJob(page, 'Opening the model');

  const card = region(page, 'Timeline');
  await expect(card).toContainText(/Opening the model: [\d.]+ m?s\. Without a kernel: engine [\d.]+ %.*Most in /);
  const table = card.getByRole('region', { name: 'Sums of the timeline' });
  await expect(table.getByRole('row', { name: /^evaluate stage/ })).toBeVisible();
  await expect(table.getByRole('row', { name: /^product kernel/ })).toBeVisible();
  // The largest first; a head turns it round.
  const first = () => table.getByRole('row').nth(1).getByRole('rowheader').textContent();
  const largest = await first();
  await table.getByRole('button', { name: 'Time' }).press('Enter');
  await expect(table.getByRole('columnheader', { name: 'Time' })).toHaveAttribute('aria-sort', 'ascending');
  expect(await first()).not.toBe(largest);

  const view = card.getByRole('group', { name: /^Timeline: arrow keys/ });
  const shown = card.getByRole('status');
  await expect(shown).toHaveText('The whole job');
  await view.focus();
  await view.press('+');
  await expect(shown).toHaveText(/ to /);
  const before = await shown.textContent();
  await view.press('ArrowRight');
  await expect(shown).not.toHaveText(before ?? '');
  // Seen is less, so that the sums are smaller.
  await view.press('0');
  await expect(shown).toHaveText('The whole job');
  await view.hover({ position: { x: 300, y: 8 } });
  await expect(view).toContainText('took');
  await pictures(page, 'timeline');
  await expectNoViolations(page);

  const file = await saved(page, () => save(page, 'Trace (JSON)'));
  expect(file.name).toBe('Built-in-demo-trace.json');
  const { traceEvents } = JSON.parse(file.bytes.toString()) as { traceEvents: { name: string; cat?: string }[] };
  const kinds = new Set(traceEvents.map(({ cat }) => cat));
  expect(['stage', 'step', 'kernel'].every((kind) => kinds.has(kind))).toBe(true);
  const csv = await saved(page, () => save(page, 'Figures (CSV)'));
  expect(csv.bytes.toString()).toContain('Name,Kind,calls,total_ms');
  const png = await saved(page, () => save(page, 'Picture (PNG)'));
  expect(png.bytes.subarray(1, 4).toString()).toBe('PNG');
  expect(png.bytes.length).toBeGreaterThan(10_000);

  // Off, the next job leaves what was recorded alone.
  // Opening a model has drawn the panels anew, with their folds closed.
  if (!(await record.isVisible())) await fold.click();
  await record.uncheck();
  await page.getByLabel('As text').fill('rtn:bits=4,group=32');
  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await waitForJob(page, 'rtn');
  await expect(card).toContainText('Opening the model');
});

async function save(page: Page, what: string): Promise<void> {
  const card = region(page, 'Timeline');
  await card.getByRole('button', { name: 'Save' }).click();
  await card.getByRole('button', { name: what }).click();
}
