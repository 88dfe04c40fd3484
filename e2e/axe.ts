/** @file What axe finds on a page that has come to rest. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/**
 * Nothing for axe to find, in both themes.
 * @param part Selector of the only part that is looked at.
 */
export async function expectNoViolations(page: Page, part?: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // Colours change softly, and in between they have no contrast to speak of; a row that was found shines for longer than that.
    await page.waitForTimeout(300);
    await page.evaluate(() =>
      Promise.allSettled(
        document
          .getAnimations()
          .filter(
            ({ effect, playState }) => playState === 'running' && Number.isFinite(effect?.getComputedTiming().endTime),
          )
          .map(({ finished }) => finished),
      ),
    );
    const axe = new AxeBuilder({ page });
    const { violations } = await (part === undefined ? axe : axe.include(part)).analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(' ; ')}`);
    expect(found, colorScheme).toEqual([]);
  }
}
