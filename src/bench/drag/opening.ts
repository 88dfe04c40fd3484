/** @file How soon a model's facts are on the page, and how much moves by itself until all of it is measured. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Page } from 'playwright';

/** A model opened on an empty page, until all of it is measured. */
export interface OpeningFigure {
  model: string;
  layers: number;
  /** Of its files. */
  bytes: number;
  /** From the choice of the files to its shape on the page, by the page's own clock. */
  facts_ms: number;
  /** The same until its tokenizer is read too, and work with it begins. */
  open_ms: number;
  /** Sum of the browser's layout shifts without a person's doing, from the start of the page on; 0.1 is its limit for "good". */
  layout_shift: number;
}

const OPEN_PATIENCE_MS = 300_000;

/** @param files Paths. The page is one on which nothing was opened yet. */
export async function measureOpening(page: Page, files: readonly string[]): Promise<OpeningFigure> {
  await smallWindows(page);
  await page.evaluate(WAIT_FOR_FACTS);
  await page.getByLabel('Model files').setInputFiles([...files]);
  const told: Pick<OpeningFigure, 'facts_ms' | 'open_ms' | 'layers'> = await page.evaluate('factsTold');
  await page.getByText(/Opening the model.*done in/).waitFor({ timeout: OPEN_PATIENCE_MS });
  const layout_shift: number = await page.evaluate(SHIFTS);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { model: basename(files[files.length - 1]), ...told, bytes, layout_shift };
}

/** More tokens than directions, and a few windows: what is drawn is the same. */
async function smallWindows(page: Page): Promise<void> {
  for (const [name, value] of [
    [/calibration/i, 8],
    [/evaluation/i, 2],
    [/^Length/, 64],
  ] as const) {
    const field = page.getByRole('spinbutton', { name });
    await field.fill(String(value));
    await field.press('Enter');
  }
}

/** Runs in the page after files were chosen: when the model's panel has "LAYERS × DIMENSION", and when what its tokenizer has. */
const WAIT_FOR_FACTS = `
  window.factsTold = new Promise((resolve) => {
    let chosen_at = 0;
    addEventListener('change', () => (chosen_at ||= performance.now()), { capture: true, once: true });
    const told = {};
    const panel = document.querySelector('[aria-label="Model files"]').parentElement;
    const look = () => {
      const found = chosen_at > 0 && /(\\d+) × \\d+/.exec(panel.textContent);
      if (!found) return;
      told.facts_ms ??= performance.now() - chosen_at;
      if (!/Tokenizer.*[\\d,]+ tokens/.test(panel.textContent)) return;
      observer.disconnect();
      resolve({ ...told, open_ms: performance.now() - chosen_at, layers: Number(found[1]) });
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  0;
`;

/** Runs in the page: entries from its start on are kept for whoever asks. */
const SHIFTS = `new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value;
  }).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve(sum), 300);
})`;
