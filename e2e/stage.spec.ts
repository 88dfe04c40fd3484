/** @file The stage's editors: dimensions by site by keyboard and pointer, spectra at a glance, damage and bits by layer. */
import {
  expect,
  expectNoViolations,
  openDemo,
  pictures,
  region,
  saved,
  saveRuns,
  test,
  waitForJob,
} from './fixtures.ts';

test('dimensions are changed site by site and sliced by; damage and bits are told by layer', async ({ page }) => {
  await openDemo(page);
  const editor = region(page, 'Dimensions by site');
  const bars = editor.getByRole('slider');
  await bars.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await expect(bars).toHaveAttribute('aria-valuetext', /^layer 0 MLP input: 184 of 256/);
  await page.keyboard.press('l');
  await expect(bars).toHaveAttribute('aria-valuetext', /locked$/);

  // What is locked stays while the slider moves, the others go with it.
  await page.getByRole('slider', { name: 'Sparsity' }).fill('50');
  await expect(bars).toHaveAttribute('aria-valuetext', /^layer 0 MLP input: 184 of 256/);
  await bars.press('ArrowRight');
  await expect(bars).toHaveAttribute('aria-valuetext', /^layer 0 output: 128 of 256/);

  await editor.getByRole('button', { name: /^Keep 99 % everywhere/ }).click();
  await expect(editor).toContainText('by hand');
  const spectra = region(page, 'Eigenvalues');
  await spectra.getByRole('button', { name: 'All', exact: true }).click();
  await expect(spectra.locator('svg.plot g')).toHaveCount(9);

  await editor.getByRole('button', { name: 'Slice by these' }).click();
  await waitForJob(page, 'slicegpt:');
  await expect(
    region(page, 'Result')
      .getByText(/dimensions=\d+\/184\//)
      .first(),
  ).toBeVisible();

  const damage = region(page, 'Damage, layer by layer');
  await damage.getByRole('button', { name: 'Table' }).click();
  await expect(damage.getByRole('row', { name: /layer 3 MLP input/ })).toBeVisible();
  await damage.getByRole('button', { name: 'Table' }).click();

  await page.getByRole('button', { name: '4-bit', exact: true }).click();
  const bits = region(page, 'Bits by layer and linear');
  await bits.getByRole('button', { name: /^layer 1 down_proj: 4 bits/ }).focus();
  await page.keyboard.press('8');
  await expect(bits.getByRole('button', { name: /^layer 1 down_proj: 8 bits/ })).toBeFocused();
  await expect(page.getByLabel('As text')).toHaveValue(/mix=1\.down_proj:8\/32/);
  await expectNoViolations(page);

  const report = await saved(page, () => saveRuns(page, 'Report (HTML)'));
  expect(report.name).toBe('Built-in-demo-report.html');
  const reader = await page.context().newPage();
  await reader.setContent(report.bytes.toString());
  await expect(reader.getByRole('img', { name: /^Perplexity against size/ })).toBeVisible();
  await expect(reader.getByRole('row', { name: /^slicegpt:head=tied,dimensions=/ })).toBeVisible();
  await expectNoViolations(reader);
  await pictures(reader, 'report');
  await reader.close();
  await editor.scrollIntoViewIfNeeded();
  await pictures(page, 'editors');
});
