import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { tinyLlama } from '../test/fixtures/tiny_llama.ts';
import { dropFiles, expect, expectNoViolations, pictures, region, saved, test, waitForJob } from './fixtures.ts';

/** Two short windows of each text, by the address: what the settings of a link are for. */
const SMALL = 'calibration=2&evaluation=2&length=32';

/** What is searched for is found among as many recipes as for the built-in model, in a tenth of the time. */
const MODEL = {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 3,
  max_position_embeddings: 64,
  folder: '',
};

async function openSmall(page: Page, settings: string): Promise<void> {
  await page.goto(`./#${SMALL}&${settings}`);
  await expect(region(page, 'Calibration').getByRole('spinbutton', { name: /^Length/ })).toHaveValue('32');
  const files = await tinyLlama(MODEL);
  await dropFiles(
    page,
    await Promise.all(
      files.map(async ({ path, blob }) => ({ name: path, bytes: Buffer.from(await blob.arrayBuffer()) })),
    ),
  );
  await waitForJob(page, 'Opening the model');
}

test('the front: axes, what is saved of it, and a size aimed at by hand and keys that the solver answers', async ({
  page,
}) => {
  await openSmall(page, 'size=150000&along=bytes&up=perplexity&format=gguf');
  const front = region(page, 'Quality against size');
  const target = page.getByRole('slider', { name: 'Size target' });
  const size = page.getByRole('textbox', { name: 'Best model of' });
  await expect(size).toHaveValue('150 kB');
  await target.focus();
  await page.keyboard.press('PageDown');
  await page.keyboard.press('ArrowLeft');
  await expect(size).not.toHaveValue('150 kB');
  const box = (await target.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  const value = Number(await target.inputValue());
  const [least, most] = [Number(await target.getAttribute('min')), Number(await target.getAttribute('max'))];
  const at = box.x + 9 + ((value - least) / (most - least)) * (box.width - 18);
  await page.mouse.move(at, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(at + 60, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  expect(Number(await target.inputValue())).toBeGreaterThan(value);

  await page.getByText('Errors weighed by').click();
  await expect(page.getByRole('button', { name: 'Open imatrix…' })).toBeVisible();
  await page.getByRole('button', { name: 'Find and make it' }).click();
  await waitForJob(page, 'Best model of');
  const answer = page.locator('.size-answer');
  await expect(answer).toContainText(/predicted KL .*, measured .* It took 0/);
  await expect(region(page, 'Result')).toContainText(/bits a weight/);

  await pictures(page, 'front');
  await front.getByLabel('Up: axis').selectOption('kl');
  await front.getByLabel('Along: axis').selectOption('memory');
  await expect(target).toBeHidden();
  for (const [kind, begins] of [
    ['Picture (PNG)', '\x89PNG'],
    ['Drawing (SVG)', '<svg'],
    ['Figures (CSV)', 'Model,Precision,perplexity,'],
  ] as const) {
    await front.getByRole('button', { name: 'Save', exact: true }).click();
    const file = await saved(page, () => front.getByRole('button', { name: kind }).click());
    expect(file.bytes.toString('latin1').startsWith(begins), file.name).toBe(true);
    expect(file.bytes.length).toBeGreaterThan(300);
    if (process.env.WHITTLE_PICTURES) writeFileSync(join(process.env.WHITTLE_PICTURES, file.name), file.bytes);
    if (kind !== 'Drawing (SVG)') continue;
    // Colours of the theme mean nothing outside the page.
    expect(file.bytes.toString()).not.toContain('var(--');
    for (const words of ['Quality against size', 'KL divergence, nats a token', 'memory of the weights'])
      expect(file.bytes.toString()).toContain(words);
  }
  // With the menu open.
  await front.getByRole('button', { name: 'Save', exact: true }).click();
  await expectNoViolations(page);
});
