import type { Page } from '@playwright/test';
import { expect, expectNoViolations, pictures, region, saved, saveRuns, test, waitForJob } from './fixtures.ts';

/** Two short windows of each text, by the address: what the settings of a link are for. */
const SMALL = 'calibration=2&evaluation=2&length=32';

async function openBuiltIn(page: Page, settings: string): Promise<void> {
  await page.goto(`./#${SMALL}&${settings}`);
  await expect(region(page, 'Calibration').getByRole('spinbutton', { name: /^Length/ })).toHaveValue('32');
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
}

async function runRecipe(page: Page): Promise<void> {
  const text = await page.getByLabel('As text').inputValue();
  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await waitForJob(page, text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
}

test('a recipe by its form; its runs sorted, named, pinned, compared, removed, put back and saved', async ({
  page,
}) => {
  await openBuiltIn(page, 'recipe=rtn:bits=8');
  const recipe = region(page, 'Recipe');
  const steps = recipe.getByRole('list', { name: 'Steps of the recipe' }).getByRole('listitem');
  const text = page.getByLabel('As text');
  await expect(text).toHaveValue('rtn:bits=8');
  await recipe.getByLabel('Next step').selectOption('embed');
  await recipe.getByRole('button', { name: 'Add this step' }).click();
  await expect(text).toHaveValue('rtn:bits=8; embed');
  await steps.nth(1).getByRole('button', { name: /up$/ }).click();
  await expect(text).toHaveValue('embed; rtn:bits=8');
  await steps.nth(1).getByLabel(/^Bits/).selectOption('4');
  await steps
    .nth(0)
    .getByRole('button', { name: /^Remove/ })
    .click();
  await expect(steps).toHaveCount(1);
  await steps
    .nth(0)
    .getByRole('button', { name: /^More of/ })
    .click();
  await steps.nth(0).getByLabel(/^Grid/).selectOption('minimum');
  const written = await text.inputValue();
  expect(written).toMatch(/grid=minimum/);
  await runRecipe(page);

  const file = await saved(page, () => recipe.getByRole('button', { name: 'Save', exact: true }).click());
  expect(JSON.parse(file.bytes.toString()).steps).toMatchObject([{ method: 'rtn', options: { grid: 'minimum' } }]);
  await text.fill('rtn:bits=8');
  await runRecipe(page);
  await recipe.getByRole('button', { name: 'Earlier' }).click();
  await recipe.getByRole('button', { name: /grid=minimum/ }).click();
  await expect(text).toHaveValue(written);
  await page
    .getByLabel('Recipe file')
    .setInputFiles({ name: file.name, mimeType: 'application/json', buffer: file.bytes });
  await expect(text).toHaveValue(/^rtn:.*grid=minimum/);
  await recipe.getByRole('button', { name: 'Copy link' }).click();
  await expect.poll(() => decodeURIComponent(page.url())).toMatch(/recipe=rtn:.*grid=minimum/);

  const runs = region(page, 'Runs');
  const names = runs.getByRole('rowheader');
  await expect(names).toHaveText([/dense/, new RegExp(written), /rtn:bits=8/]);
  await runs.getByRole('button', { name: 'Size' }).click();
  await runs.getByRole('button', { name: 'Size' }).click();
  await expect(runs.getByRole('columnheader', { name: 'Size' })).toHaveAttribute('aria-sort', 'descending');
  await expect(names.nth(1)).toHaveText(/rtn:bits=8/);
  await runs.getByRole('button', { name: 'Rename rtn:bits=8' }).click();
  await runs.getByLabel('Name of the run').fill('eight');
  await page.keyboard.press('Enter');
  // The field is gone: the focus stays in its row.
  await expect(runs.getByRole('button', { name: 'eight', exact: true })).toBeFocused();
  await runs.getByRole('button', { name: `Pin ${written}` }).click();
  await expect(names).toHaveText([/dense/, new RegExp(written), /eight/]);

  await runs.getByRole('checkbox', { name: 'Compare eight' }).check();
  await runs.getByRole('checkbox', { name: `Compare ${written}` }).check();
  await expect(runs.locator('.runs-compare')).toContainText(/against eight: .*perplexity .*of 2 windows/);
  await expect(runs.getByRole('img', { name: /Difference of the loss in 2 windows/ })).toBeVisible();
  await runs.getByRole('button', { name: 'Close' }).press('Enter');
  await expect(runs.locator('.runs-compare')).toHaveCount(0);
  await expect(runs.locator(':focus')).toHaveCount(1);

  await runs.getByRole('button', { name: 'Columns' }).click();
  const chooser = runs.getByRole('group', { name: 'Columns of the table' });
  await chooser.getByLabel('memory of the weights').check();
  await expect(runs.getByRole('columnheader', { name: 'Memory' })).toBeVisible();
  await expect(page.locator('.columns-chooser')).toBeInViewport({ ratio: 1 });
  await expectNoViolations(page);
  await page.keyboard.press('Escape');
  await expect(chooser).toBeHidden();
  await pictures(page, 'runs');

  await runs.getByRole('button', { name: 'Remove eight' }).click();
  await expect(names).toHaveCount(2);
  // The row that had the focus went: it is where the row comes back from, and then in that row.
  await expect(runs.getByRole('button', { name: 'Undo' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(names).toHaveCount(3);
  await expect(runs.getByRole('button', { name: 'eight', exact: true })).toBeFocused();
  await runs.getByRole('button', { name: 'Remove eight' }).press('Enter');
  await expect(runs.getByRole('button', { name: 'Undo' })).toBeFocused();
  await page.keyboard.press('Control+z');
  await expect(runs.getByRole('button', { name: 'eight', exact: true })).toBeFocused();
  const csv = await saved(page, () => saveRuns(page, 'Table (CSV)'));
  const [head, ...lines] = csv.bytes.toString().trim().split('\r\n');
  expect(head).toMatch(/^name,recipe,perplexity,perplexity_error,.*decode_tokens_per_second/);
  expect(lines).toHaveLength(3);
});
