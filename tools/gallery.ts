/**
 * @file The README's pictures, of a real session with the built-in model. usage: npx tsx tools/gallery.ts [NAME…]
 *
 * Writes docs/gallery/NAME.png for each state (all, or those named). Builds if the build is stale; minutes on two cores, because
 * everything that is shown was computed. Look at each before it is committed.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator } from 'playwright';
import { launchHeadless } from '../src/cli/browser.ts';
import { smallPng } from './small_png.ts';

const PATIENCE_MS = 900_000;
const WIDE = { width: 1280, height: 800 };
const TALL = { width: 1280, height: 3200 };
const PHONE = { width: 390, height: 780 };
const RECIPES = [
  'slicegpt:sparsity=0.25',
  'rtn:bits=4,group=32',
  'gptq:bits=4,group=32',
  'embed:bits=8; gptq:bits=3,group=32',
  'wanda:sparsity=0.5,pattern=2:4',
  'slicegpt:sparsity=0.3; recover:ridge=1; gptq:bits=8,group=row',
];
const PROMPT = 'The old man opened the door and';

const target = fileURLToPath(new URL('../docs/gallery/', import.meta.url));
const wanted = new Set(process.argv.slice(2));
mkdirSync(target, { recursive: true });
execFileSync('node', [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url)), '--if-stale'], {
  stdio: 'inherit',
});
const browser = await launchHeadless(fileURLToPath(new URL('../dist/', import.meta.url)), 'index.html');
const { page } = browser;
try {
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.getByRole('region', { name: 'Job' }).getByText('Nothing is running').waitFor();
  await take('empty');
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await finished('Opening the model');
  await take('open');
  for (const [index, recipe] of RECIPES.entries()) {
    if (index === RECIPES.length - 1) await record();
    await page.getByLabel('As text').fill(recipe);
    await page.getByRole('button', { name: 'Run the recipe' }).click();
    await finished(recipe.split(':')[0]);
  }
  await take('timeline', page.getByRole('region', { name: 'Timeline', exact: true }));
  await page.locator('[data-action=export]').click();
  await finished('Exporting');
  await take('front');
  await take('runs', page.getByRole('region', { name: 'Runs', exact: true }));
  await take('recipe', page.getByRole('region', { name: 'Recipe', exact: true }));
  await take('sites', page.getByRole('region', { name: 'Dimensions by site' }));
  await take('damage', page.getByRole('region', { name: 'Damage, layer by layer' }));
  await speak();
  await train();
  await page.emulateMedia({ colorScheme: 'dark' });
  await take('dark');
  await page.setViewportSize(PHONE);
  await page.evaluate(() => scrollTo(0, 0));
  await take('phone');
} finally {
  await browser.close();
}

/** Of the last recipe. */
async function record(): Promise<void> {
  await page.getByText('How it spends its time').click();
  await page.getByRole('checkbox', { name: 'Record a timeline' }).check();
}

/** What three voices make of a prompt, and where the tokens of a text lost. */
async function speak(): Promise<void> {
  const card = page.getByRole('region', { name: 'Try it' });
  await card.getByRole('textbox').fill(PROMPT);
  await card.getByRole('button', { name: 'Write' }).click();
  await finished('Writing texts');
  await take('try', card);
  const microscope = page.getByRole('region', { name: 'Tokens under the microscope' });
  await microscope.getByRole('button', { name: 'Compare tokens' }).click();
  await finished('Looking at tokens');
  await take('microscope', microscope);
}

async function train(): Promise<void> {
  await page.getByLabel('As text').fill('slicegpt:sparsity=0.5; heal:steps=20');
  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await finished('slicegpt');
  await take('training', page.getByRole('region', { name: 'Training losses' }));
}

async function take(name: string, of?: Locator): Promise<void> {
  if (wanted.size > 0 && !wanted.has(name)) return;
  // A part is taken whole, with nothing of the page's frame over it.
  if (of) await page.setViewportSize(TALL);
  if (!of)
    await page.evaluate(() => {
      for (const column of document.querySelectorAll('.column')) column.scrollTop = 0;
    });
  // Colours change softly.
  await page.waitForTimeout(400);
  writeFileSync(join(target, `${name}.png`), smallPng(await (of ?? page).screenshot()));
  if (of) await page.setViewportSize(WIDE);
}

function finished(title: string): Promise<void> {
  const job = page.getByRole('region', { name: 'Job' });
  return job.getByText(new RegExp(`${title}.*done in`)).waitFor({ timeout: PATIENCE_MS });
}
