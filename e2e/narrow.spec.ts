/** Tablets, windows beside others, 200 % zoom: no blank page, nothing beside the page, the focus where it was. */
import type { Locator } from '@playwright/test';
import { chooseWindows, dropFiles, expect, region, test, waitForJob } from './fixtures.ts';

const SIZES = [
  // 4K at its own pixels.
  [3840, 2160],
  [2560, 1440],
  [1440, 900],
  [1179, 800],
  [1024, 768],
  [900, 700],
  [768, 1024],
  // 1440 × 900 at 200 %.
  [720, 450],
] as const;

/** Controls that a finger would miss: below 24 × 24 px, the label that belongs to them counted in. */
function smallTargets(): string[] {
  const controls = document.querySelectorAll<HTMLElement>('button, a[href], input, select, textarea, summary');
  return [...controls].flatMap((control) => {
    if (!control.checkVisibility({ visibilityProperty: true })) return [];
    const boxes = [control, ...((control as HTMLInputElement).labels ?? [])].map((each) =>
      each.getBoundingClientRect(),
    );
    const width = Math.max(...boxes.map((box) => box.width));
    const height = Math.max(...boxes.map((box) => box.height));
    // Links within a sentence are as high as its lines.
    if (width >= 24 && height >= 24) return [];
    const name = control.ariaLabel ?? control.textContent?.trim().slice(0, 30) ?? '';
    const { type, id } = control as HTMLInputElement;
    return `${control.tagName} ${type ?? ''} ${id} ${control.className} "${name}" ${Math.round(width)} × ${Math.round(height)}`;
  });
}

/** Of the stage that no card stands on. */
function emptyShare(stage: Element): number {
  const boxes = [...stage.children].map((card) => card.getBoundingClientRect());
  const filled = boxes.reduce((sum, { width, height }) => sum + width * height, 0);
  const top = Math.min(...boxes.map((box) => box.top));
  const bottom = Math.max(...boxes.map((box) => box.bottom));
  return 1 - filled / (stage.clientWidth * (bottom - top));
}

/** For eyes and for the Tab key. */
async function expectAbove(first: Locator, second: Locator): Promise<void> {
  const other = await second.elementHandle();
  await expect
    .poll(() =>
      first.evaluate(
        (element, next) => Boolean(element.compareDocumentPosition(next as Node) & Node.DOCUMENT_POSITION_FOLLOWING),
        other,
      ),
    )
    .toBe(true);
  const [above, below] = await Promise.all([first.boundingBox(), second.boundingBox()]);
  expect(above!.y + above!.height).toBeLessThanOrEqual(below!.y);
}

test('what to do next is on the first screen, on a small laptop and on a phone; the workbench fills the window at every width', async ({
  page,
}) => {
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.goto('./');
  // The page does not jump while it starts and finds out what it runs on.
  await expect(region(page, 'Job')).toContainText('Nothing is running');
  const shift = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        new PerformanceObserver((list) => {
          const shifts = list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[];
          resolve(shifts.reduce((sum, { value, hadRecentInput }) => sum + (hadRecentInput ? 0 : value), 0));
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(0), 500);
      }),
  );
  expect(shift).toBeLessThan(0.05);
  await chooseWindows(page, 1, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  // 32 tokens and 192 directions: no share is drawn of what cannot be told.
  for (const card of ['Discarded energy', 'Damage, layer by layer'])
    await expect(region(page, card)).toContainText('cannot be told');
  const recipe = region(page, 'Recipe');
  for (const size of [
    { width: 1280, height: 720 },
    { width: 390, height: 844 },
  ]) {
    await page.setViewportSize(size);
    await page.evaluate(() => scrollTo(0, 0));
    for (const wanted of [
      page.getByRole('textbox', { name: 'Best model of' }),
      page.getByRole('button', { name: 'Find and make it' }),
      recipe.getByRole('list', { name: 'Steps of the recipe' }),
      recipe.getByRole('button', { name: 'Run the recipe' }),
    ]) {
      await expect(wanted).toBeInViewport({ ratio: 1 });
    }
  }

  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    const found = await page.evaluate(() => {
      const { scrollHeight, scrollWidth } = document.documentElement;
      return { scrollHeight, scrollWidth };
    });
    expect(found, `${width} × ${height}`).toEqual({ scrollHeight: height, scrollWidth: width });
    // Facts give way before the model's name does.
    const name = page.locator('.header-model > strong');
    expect(await name.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth), `${width}`).toBe(0);
    // What is below can be reached by scrolling one thing, wherever the pointer is.
    const result = region(page, 'Result');
    await result.scrollIntoViewIfNeeded();
    await expect(result).toBeInViewport();
    // Cards leave no hole between them: each row of the stage is full.
    expect(await page.locator('.column-charts').evaluate(emptyShare), `${width} × ${height}`).toBeLessThan(0.02);
    // Where it shares a column with the charts, it stands above them, and its folds below.
    const front = region(page, 'Quality against size');
    if (width < 1180) {
      await expectAbove(result, front);
      await expectAbove(front, region(page, 'More about the result'));
      await expectAbove(front, region(page, 'Open model'));
    } else await expect(region(page, 'More about the result')).toHaveCount(0);
  }
  // Where the system has its own colours, what is chosen still shows, and bars keep theirs.
  // Bars are made once their fold is opened.
  await region(page, 'More about the result').getByText('Size by part').click();
  await expect(page.locator('.size-bar').first()).toBeVisible();
  await page.emulateMedia({ forcedColors: 'active' });
  const colours = await page.evaluate(() => {
    const of = (selector: string) => getComputedStyle(document.querySelector(selector) as Element);
    return {
      chosen: of('.segmented input:checked + span').backgroundColor,
      other: of('.segmented input:not(:checked) + span').backgroundColor,
      bar: of('.size-bar').forcedColorAdjust,
    };
  });
  expect(colours.chosen).not.toBe(colours.other);
  expect(colours.bar).toBe('none');
  await page.emulateMedia({ forcedColors: 'none' });
  await region(page, 'More about the result').getByText('Size by part').click();
  await page.setViewportSize({ width: 390, height: 844 });
  // Charts take the new width a frame later.
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  // What came of it stands above the charts, and is reached before them.
  await expectAbove(region(page, 'Result'), region(page, 'Quality against size'));
  await page.locator('details').evaluateAll((folds) => {
    for (const fold of folds) (fold as HTMLDetailsElement).open = true;
  });
  expect(await page.evaluate(smallTargets)).toEqual([]);
  // A failure to open another model takes the room that there is, and the buttons stay.
  await page.setViewportSize({ width: 1280, height: 720 });
  await dropFiles(page, [{ name: 'page.gguf', bytes: Buffer.from('<!doctype html><title>Log in</title>') }]);
  const model = region(page, 'Model');
  await expect(model.getByRole('alert')).toContainText('web page');
  await expect(model.getByRole('button', { name: 'Folder…' })).toBeInViewport({ ratio: 1 });
  const column = await page
    .locator('.column-left')
    .evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
  expect(column).toBe(0);
});

test('a phone is as wide as before once long recipes were made', async ({ page }) => {
  const recipe = 'embed:bits=8; magnitude:sparsity=0.5; rtn:bits=4,group=32,grid=minimum';
  await page.goto(`./#calibration=1&evaluation=1&length=32&recipe=${recipe}`);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await waitForJob(page, 'embed:bits=8');
  // What is said of it takes the panel's width, and its buttons are whole.
  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await expect(region(page, 'Recipe').getByRole('button', { name: 'Make it again' })).toBeVisible();
  const left = page.locator('.column-left');
  expect(await left.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await waitForJob(page, 'Slicing 25 %');
  // Every column of the longest table is as wide as the panel, without scrolling sideways.
  const result = region(page, 'Result');
  await result.getByText(/^Certificate:/).click();
  await result.getByText('Every site', { exact: true }).click();
  const table = page.getByRole('group', { name: 'Certificate of every site' });
  await expect(table).toBeVisible();
  expect(await table.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
  await page.setViewportSize({ width: 320, height: 740 });
  // Two to choose from: the choice is there.
  await expect(page.getByRole('combobox', { name: 'Compressed model' })).toBeVisible();
  await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
});
