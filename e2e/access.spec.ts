import type { Page } from '@playwright/test';
import { chooseWindows, expect, expectNoViolations, region, shownFigure, test, waitForJob } from './fixtures.ts';

test('nothing for axe to find, empty and full, light and dark', async ({ page }) => {
  await page.goto('./');
  await expect(page.getByRole('button', { name: 'Try the built-in model' })).toBeVisible();
  await expectNoViolations(page);
  // Keys stand beside what they do, not over it.
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
  const over = await page.locator('#shortcuts dl > div').evaluateAll((rows) =>
    rows.flatMap((row) => {
      const [key, what] = ['kbd', 'dd'].map((name) => row.querySelector(name)!.getBoundingClientRect());
      return key.right > what.left ? [row.textContent] : [];
    }),
  );
  expect(over).toEqual([]);
  await page.keyboard.press('Escape');
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

/** Presses a button that starts a job: it keeps the focus while that runs and afterwards. */
async function press(page: Page, name: string, title: string, key = 'Enter'): Promise<void> {
  await tabTo(page, 'button', name);
  const button = page.getByRole('button', { name, exact: true });
  await page.keyboard.press(key);
  await expect(button).toBeFocused();
  await waitForJob(page, title);
  await expect(button).toBeFocused();
}

test('the whole path by keyboard alone; a button that starts a job keeps the focus', async ({ page }) => {
  await page.goto('./');
  await chooseWindows(page, 1, 32);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await press(page, 'Try the built-in model', 'Opening the model');
  const model = region(page, 'Model');
  await expect(model).toContainText('4.00 M');
  await expect(model).toContainText('F16');
  await expect(region(page, 'Calibration')).toContainText('42,760 tokens');
  await expect(region(page, 'Calibration')).toContainText('43,117 tokens');
  await expect.poll(() => shownFigure(page, 'Parameters', 2)).toBe('3.66 M');
  await tabTo(page, 'slider', 'Sparsity');
  await page.keyboard.press('PageDown');
  await waitForJob(page, 'Quick measure');
  await press(page, 'Slice', 'Slicing', 'Space');
  await expect.poll(() => shownFigure(page, 'Perplexity', 2)).not.toBe('–');
  // One key from what makes it to what came of it; Tab goes there too.
  const made = page.getByRole('button', { name: 'Slice', exact: true });
  await page.keyboard.press('r');
  await expect(page.getByRole('button', { name: 'Export ONNX', exact: true })).toBeFocused();
  await made.focus();
  await press(page, 'Export ONNX', 'Export');
  await expect(region(page, 'Result')).toContainText('Verified in onnxruntime-web');
  // What goes away gives it to the job that it started.
  await chooseWindows(page, 2, 32);
  await page.getByRole('button', { name: 'Measure again' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Measure again' })).toHaveCount(0);
  expect(await page.evaluate(() => document.activeElement !== document.body)).toBe(true);
});

/** What has the focus: its name, and whether something that stays where it is lies over the middle of it. */
function focused(): { name: string; covered: boolean; last: boolean } {
  const element = document.activeElement as HTMLElement;
  const { x, y, width, height } = element.getBoundingClientRect();
  const over = document.elementFromPoint(x + width / 2, y + height / 2);
  const name = element.ariaLabel ?? (element as HTMLInputElement).labels?.[0]?.textContent ?? element.textContent ?? '';
  const bar = over?.closest('.job-bar');
  return { name, covered: over === null || (bar !== null && !bar?.contains(element)), last: element === document.body };
}

test('on a phone, what Tab moves to is not under the bar that stays at the end, and the list of keys is whole', async ({
  page,
}) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto('./');
  await chooseWindows(page, 1, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  await page.evaluate(() => {
    scrollTo(0, 0);
    (document.activeElement as HTMLElement).blur();
  });
  const seen: string[] = [];
  const covered: string[] = [];
  for (let presses = 0; presses < 160; presses++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(focused);
    if (at.last && seen.length > 20) break;
    seen.push(at.name);
    if (at.covered) covered.push(at.name);
  }
  expect(seen.length).toBeGreaterThan(40);
  expect(covered).toEqual([]);

  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
  const list = page.locator('.popover:popover-open');
  const box = await list.boundingBox();
  expect(box!.x).toBeGreaterThanOrEqual(0);
  expect(box!.x + box!.width).toBeLessThanOrEqual(390);
  await expect(list.getByText('This list')).toBeInViewport({ ratio: 1 });
});
