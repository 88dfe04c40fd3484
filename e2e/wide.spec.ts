/** Displays of 4K at their own pixels: what is read and pressed grows with the window, and the pointer hits what it points at. */
import type { Page } from '@playwright/test';
import { expect, openDemo, region, saved, test } from './fixtures.ts';

/** Pixels of the window, from top to bottom. */
async function heights(page: Page): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of ['.section-note', '.plot-axes text', '.recharts-surface text', '.run-choose, .runs-table th']) {
    const box = await page.locator(name).first().boundingBox();
    found[name] = box?.height ?? 0;
  }
  return found;
}

/** Words of drawings that end before they do. */
function cutLabels(): string[] {
  return [...document.querySelectorAll('svg')].flatMap((drawing) => {
    const room = drawing.getBoundingClientRect();
    return [...drawing.querySelectorAll('text')].flatMap((text) => {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      const isIn = left > room.left - 1 && right < room.right + 1 && top > room.top - 1 && bottom < room.bottom + 1;
      return isIn ? [] : [text.textContent ?? ''];
    });
  });
}

test('text, controls and drawings grow on a wide display; pointers, menus and pictures keep their places', async ({
  page,
}) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await openDemo(page);
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await expect(region(page, 'Runs').getByRole('button', { name: 'slicegpt:sparsity=0.25', exact: true })).toBeVisible();
  await expect(region(page, 'Job')).toContainText('done in');
  const front = region(page, 'Quality against size');
  const usual = await heights(page);
  for (const [width, height, scale] of [
    [2200, 1300, 1],
    [2560, 1300, 1.1],
    [3440, 1300, 1.3],
    [3840, 2020, 1.5],
    // As wide, and low: the first screen goes before size.
    [3840, 900, 1.1],
    // At 200 % a display of 4K is as wide as others.
    [1920, 1010, 1],
  ] as const) {
    await page.setViewportSize({ width, height });
    const whole = await page.evaluate(() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      return [scrollWidth, scrollHeight];
    });
    expect(whole).toEqual([width, height]);
    // Letters are set in whole pixels here and there.
    for (const [name, before] of Object.entries(usual))
      await expect
        .poll(async () => (await heights(page))[name] / before, `${name} at ${width}`)
        .toBeCloseTo(scale, 0.7);
    await expect.poll(() => page.evaluate(cutLabels), `${width}`).toEqual([]);
    await page.locator('.column-left').evaluate((column) => column.scrollTo(0, 0));
    await expect(page.getByRole('button', { name: 'Run the recipe' })).toBeInViewport({ ratio: 1 });

    // The cross of the dense model, and a column of sites: what lies under the pointer answers.
    const cross = await front.locator('path[d^="M-5 -5L5 5"]').last().boundingBox();
    const at = { x: cross!.x + cross!.width / 2, y: cross!.y + cross!.height / 2 };
    await page.mouse.move(at.x, at.y);
    const hint = front.locator('.plot-hint');
    await expect(hint).toContainText('dense');
    const told = await hint.boundingBox();
    const away = Math.min(Math.abs(told!.x - at.x), Math.abs(told!.x + told!.width - at.x));
    expect(away, `${width}`).toBeLessThan(30);
    const save = front.getByRole('button', { name: 'Save', exact: true });
    await save.click();
    const [button, menu] = await Promise.all([
      save.boundingBox(),
      front.locator('.popover:popover-open').boundingBox(),
    ]);
    expect(Math.abs(button!.y + button!.height - menu!.y), `${width}`).toBeLessThan(10);
    expect(menu!.x, `${width}`).toBeLessThan(button!.x + button!.width);
    expect(menu!.x + menu!.width, `${width}`).toBeGreaterThan(button!.x);
    if (scale !== 1.5) {
      await page.keyboard.press('Escape');
      continue;
    }
    // A picture is as large as the page's own pixels say, and holds all of the drawing.
    const { bytes } = await saved(page, () => front.getByRole('button', { name: 'Drawing (SVG)' }).click());
    const [, outer] = /<svg[^>]* width="(\d+)"/.exec(bytes.toString()) ?? [];
    const inner = await front.locator('svg.plot').evaluate((drawing) => Number(drawing.getAttribute('width')));
    expect(Number(outer) - inner).toBe(16);
  }
});
