/** @file Takes docs/studio.png: the real studio after a sweep of the built-in model. usage: npx tsx tools/screenshot.ts */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchHeadless } from '../src/cli/browser.ts';

const PATIENCE_MS = 900_000;
const target = fileURLToPath(new URL('../docs/studio.png', import.meta.url));

const browser = await launchHeadless(fileURLToPath(new URL('../dist/', import.meta.url)), 'index.html');
const { page } = browser;
try {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
  const finished = (title: string) =>
    page
      .getByRole('region', { name: 'Job' })
      .getByText(new RegExp(`${title}.*done in`))
      .waitFor({ timeout: PATIENCE_MS });
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await finished('Opening the model');
  await page.getByRole('button', { name: /^Sweep/ }).click();
  await finished('Sweep');
  // Back to the run that the README speaks of.
  await page.getByRole('button', { name: /^25 %/ }).click();
  await page.getByRole('button', { name: 'Export ONNX' }).click();
  await finished('Export');
  // The click scrolled to the export; the comparison stands above it.
  await page.locator('.column-right').evaluate((column) => column.scrollTo(0, 0));
  mkdirSync(dirname(target), { recursive: true });
  await page.screenshot({ path: target });
} finally {
  await browser.close();
}
