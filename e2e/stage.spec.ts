/** @file The stage's editors: dimensions by site by keyboard and pointer, spectra at a glance, damage and bits by layer. */
import type { Locator } from '@playwright/test';
import { expect, expectNoViolations, pictures, region, saved, saveRuns, test, waitForJob } from './fixtures.ts';

test('dimensions are changed site by site and sliced by; damage and bits are told by layer', async ({ page }) => {
  // 256 tokens: enough to tell what goes with the directions that are cut.
  await page.goto('./#calibration=8&evaluation=2&length=32');
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  const editor = region(page, 'Dimensions by site');

  // A move of the slider redraws what can be seen: what is out of sight follows when it rests.
  await expect(editor.getByRole('slider')).toBeAttached();
  await page.waitForTimeout(600);
  const slider = page.getByRole('slider', { name: 'Sparsity', exact: true });
  const unseen = await redrawn(slider, [26, 28, 31, 34, 36, 39, 42, 44]);
  expect(unseen.Slice).toBeLessThan(30);
  for (const card of ['Dimensions by site', 'Damage, layer by layer', 'Quality against size'])
    expect(unseen, 'redrawn by a slider that has nothing to do with it, or out of sight').not.toHaveProperty(card);
  await expect(editor.getByRole('slider')).toHaveAttribute('aria-valuetext', /: 136 of 256/);
  // Of a chart that is seen, what moves: no tables, no axes, no menus of sites.
  const spectrum = region(page, 'Eigenvalues');
  await spectrum.scrollIntoViewIfNeeded();
  await expect(spectrum.locator('.plot')).toBeVisible();
  await page.waitForTimeout(300);
  const seen = await redrawn(slider, [43, 41, 38, 35, 32, 29, 27, 25]);
  expect(seen.Eigenvalues).toBeGreaterThan(0);
  expect(seen.Eigenvalues).toBeLessThan(12);
  expect(seen['Discarded energy']).toBeLessThan(40);

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

/**
 * How many nodes change in each card and panel while the slider makes these moves one after another, and nobody lets go of it.
 * The page's timers wait until the last move: on a slow machine the pause between two moves would be a rest.
 */
async function redrawn(slider: Locator, percents: readonly number[]): Promise<Record<string, number>> {
  return slider.evaluate(async (input, moves) => {
    const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set;
    const touched = new Map<string, Set<Node>>();
    const note = (records: MutationRecord[]) => {
      for (const { target, addedNodes } of records) {
        const element = target instanceof Element ? target : target.parentElement;
        const heading = element?.closest('section')?.querySelector('h2');
        const name = heading?.textContent ?? 'elsewhere';
        const nodes = touched.get(name) ?? new Set();
        for (const node of [target, ...addedNodes]) nodes.add(node);
        touched.set(name, nodes);
      }
    };
    const { setTimeout: start, clearTimeout: clear } = window;
    const held = new Map<number, Parameters<typeof setTimeout>>();
    window.setTimeout = ((...timer: Parameters<typeof setTimeout>) => {
      held.set(-held.size - 1, timer);
      return -held.size;
    }) as typeof setTimeout;
    window.clearTimeout = (id) => {
      // A cleared one keeps its number: the next must not get it.
      if (held.has(Number(id))) held.set(Number(id), [() => {}]);
      else clear(id);
    };
    const observer = new MutationObserver(note);
    observer.observe(document.body, { attributes: true, characterData: true, childList: true, subtree: true });
    for (const percent of moves) {
      setValue?.call(input, String(percent));
      input.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((resolve) => start.call(window, resolve));
    }
    note(observer.takeRecords());
    observer.disconnect();
    Object.assign(window, { setTimeout: start, clearTimeout: clear });
    for (const timer of held.values()) start.apply(window, timer);
    return Object.fromEntries([...touched].map(([name, nodes]) => [name, nodes.size]));
  }, percents);
}
