/** What was made is shown in place of being made once more, and made again only by that word. */
import {
  chooseWindows,
  expect,
  expectNoViolations,
  openDemo,
  pictures,
  region,
  sliceRuns,
  test,
  waitForJob,
} from './fixtures.ts';

test('a slice, a sweep and a recipe that are there already are shown, and made again when that is asked for', async ({
  page,
}) => {
  await openDemo(page);
  const panel = region(page, 'Slice');
  const slicing = page.getByRole('button', { name: 'Slice', exact: true });
  await slicing.click();
  await waitForJob(page, 'Slicing 25 %');
  await expect(sliceRuns(page)).toHaveCount(1);
  await expect(panel).not.toContainText('Made before');

  // By keyboard: the focus stays, the sentence is told, the row is where it leads.
  await slicing.focus();
  await page.keyboard.press('Enter');
  await expect(panel.getByRole('status').filter({ hasText: 'Made before' })).toContainText(
    /with the same texts and settings: slicegpt:sparsity=0\.25, perplexity \d/,
  );
  await expect(slicing).toBeFocused();
  await expect(sliceRuns(page)).toHaveCount(1);
  await expect(sliceRuns(page)).toHaveAttribute('data-found', 'true');
  await pictures(page, 'repeat');
  await expectNoViolations(page);
  await panel.getByRole('button', { name: 'Show it in the table' }).press('Enter');
  await expect(region(page, 'Runs').getByRole('button', { name: 'slicegpt:sparsity=0.25', exact: true })).toBeFocused();

  // Windows that nothing was measured with yet are not those that it was made with.
  const areEarlier = 'With the texts measured so far';
  await expect(panel).not.toContainText(areEarlier);
  await chooseWindows(page, 3, 32);
  for (const name of ['Slice', 'Recipe', 'Best model of']) await expect(region(page, name)).toContainText(areEarlier);
  await slicing.click();
  await expect(panel).toContainText('Made before with the same settings and the texts measured with so far');
  await panel.getByRole('button', { name: 'Measure again' }).click();
  await waitForJob(page, 'Measuring the dense model');
  await expect(panel).not.toContainText('Made before');
  await expect(panel).not.toContainText(areEarlier);
  await chooseWindows(page, 2, 32);
  await region(page, 'Calibration').getByRole('button', { name: 'Measure again' }).click();
  await waitForJob(page, 'Measuring the dense model');

  // Other settings are another run, and nothing is said of them.
  await page.getByRole('slider', { name: 'Sparsity' }).fill('30');
  await expect(panel).not.toContainText('Made before');
  await page.getByRole('slider', { name: 'Sparsity' }).fill('25');
  await slicing.click();
  await panel.getByRole('button', { name: 'Make it again' }).click();
  await waitForJob(page, 'Slicing 25 %');
  await expect(sliceRuns(page).filter({ hasNotText: 'quick' })).toHaveCount(2);
  await expect(panel).not.toContainText('Made before');

  // The recipe of the same words is the same model.
  const recipe = region(page, 'Recipe');
  const text = page.getByLabel('As text');
  await text.fill('slicegpt:sparsity=0.25');
  await text.blur();
  await recipe.getByRole('button', { name: 'Run the recipe' }).click();
  await expect(recipe.getByRole('status').filter({ hasText: 'Made before' })).toContainText('slicegpt:sparsity=0.25');
  await text.fill('rtn:bits=8');
  await text.blur();
  await expect(recipe).not.toContainText('Made before');
  await recipe.getByRole('button', { name: 'Run the recipe' }).click();
  await waitForJob(page, 'rtn:bits=8');
  await recipe.getByRole('button', { name: 'Run the recipe' }).click();
  await expect(recipe).toContainText('Made before');
  await expect(region(page, 'Runs').getByRole('row', { name: /rtn:bits=8/ })).toHaveCount(1);

  const sweeping = page.getByRole('button', { name: /^Sweep/ });
  await sweeping.click();
  await waitForJob(page, 'Sweep');
  await sweeping.click();
  await expect(panel).toContainText('All 4 were made before');
  await expect(region(page, 'Runs').locator('tr[data-found]')).toHaveCount(4);
});
