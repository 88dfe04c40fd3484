import type { Page } from '@playwright/test';
import { chooseWindows, expect, expectNoViolations, region, shownFigure, test, waitForJob } from './fixtures.ts';

test('nothing for axe to find, empty and full, light and dark', async ({ page }) => {
  await page.goto('./');
  await expect(page.getByRole('button', { name: 'Try the built-in model' })).toBeVisible();
  await expectNoViolations(page);
  await chooseWindows(page, 1, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await waitForJob(page, 'Slicing 25 %');
  // What is folded away has to be as good: estimate, device, certificate of every site, export of the open model.
  await page.locator('details').evaluateAll((folds) => {
    for (const fold of folds) (fold as HTMLDetailsElement).open = true;
  });
  await expect(page.getByRole('group', { name: 'Certificate of every site' })).toBeVisible();
  await expectNoViolations(page);
});

/** Moves on with Tab until the element of that role and name has the focus, and sees that it shows. */
async function tabTo(page: Page, role: 'button' | 'slider', name: string): Promise<void> {
  const target = page.getByRole(role, { name, exact: true });
  for (let presses = 0; presses < 140; presses++) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      const outline = await target.evaluate((element) => {
        const style = getComputedStyle(element);
        return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
      });
      expect(outline, `${name} shows its focus`).toBe(true);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${role} "${name}" was not reached by Tab`);
}

test('the whole path by keyboard alone', async ({ page }) => {
  await page.goto('./');
  await chooseWindows(page, 1, 32);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo(page, 'button', 'Try the built-in model');
  await page.keyboard.press('Enter');
  await waitForJob(page, 'Opening the model');
  await tabTo(page, 'slider', 'Sparsity');
  await page.keyboard.press('PageDown');
  await waitForJob(page, 'Quick measure');
  await tabTo(page, 'button', 'Slice');
  await page.keyboard.press('Space');
  await waitForJob(page, 'Slicing');
  expect(await shownFigure(page, 'Perplexity', 2)).not.toBe('–');
  await tabTo(page, 'button', 'Export ONNX');
  await page.keyboard.press('Enter');
  await waitForJob(page, 'Export');
  await expect(region(page, 'Result')).toContainText('Verified in onnxruntime-web');
});
