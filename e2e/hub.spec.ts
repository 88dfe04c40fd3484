/** Models by name, against a server of this machine that speaks the Hub's paths; by keyboard alone, under the policy as built. */
import { fileURLToPath } from 'node:url';
import { expect, type Page, test } from '@playwright/test';
import { type AppServer, serveApp } from '../src/cli/server.ts';
import { tinyLlama } from '../test/fixtures/tiny_llama.ts';
import { type HubServer, startHubServer } from '../test/hub/hub_server.ts';
import { expectNoViolations } from './axe.ts';
import { chooseWindows, region } from './fixtures.ts';

const ID = 'someone/tiny-llama';

let hub: HubServer;
let app: AppServer;
const outside: string[] = [];

test.beforeEach(async ({ page }) => {
  const files = await tinyLlama({
    folder: '',
    vocab_size: 2000,
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
  });
  const entries = files.map(async ({ path, blob }) => [path, new Uint8Array(await blob.arrayBuffer())] as const);
  hub = await startHubServer(ID, new Map(await Promise.all(entries)));
  app = await serveApp(fileURLToPath(new URL('../dist/', import.meta.url)), {
    endpoint: hub.endpoint,
    file_hosts: [hub.fileHost],
  });
  outside.length = 0;
  page.context().on('request', (request) => {
    const url = new URL(request.url());
    if (!['blob:', 'data:'].includes(url.protocol) && !request.url().startsWith(app.url)) outside.push(url.href);
  });
  page.on('pageerror', (error) => outside.push(`uncaught: ${error.message}`));
});

test.afterEach(async () => {
  app.close();
  await hub.close();
});

/** Moves on with Tab until the element of that name has the focus, then presses a key. */
async function pressOn(
  page: Page,
  role: 'button' | 'checkbox' | 'textbox',
  name: string | RegExp,
  key: string,
): Promise<void> {
  const target = page.getByRole(role, { name, exact: true });
  await expect(target).toBeEnabled();
  for (let presses = 0; presses < 60; presses++) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      await page.keyboard.press(key);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${role} "${name}" was not reached by Tab`);
}

async function openFold(page: Page, name: RegExp): Promise<void> {
  const summary = page.locator('summary', { hasText: name });
  for (let presses = 0; presses < 60; presses++) {
    if (await summary.evaluate((element) => element === document.activeElement)) break;
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await expect(page.locator('details[open] > summary', { hasText: name })).toBeFocused();
}

test('look up, download, open, list and delete a model by keyboard, with no request before it is asked for', async ({
  page,
}) => {
  await page.goto(app.url);
  await chooseWindows(page, 1, 32);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  const model = region(page, 'Model');

  // Off: the fields are closed, and nothing has been asked.
  await openFold(page, /Hugging Face Hub/);
  await expect(model.getByRole('textbox')).toBeDisabled();
  expect([outside, hub.requests.length]).toEqual([[], 0]);
  await pressOn(page, 'checkbox', /^Allow downloads from/, 'Space');
  await pressOn(page, 'textbox', 'Model, by name or address', 'End');
  await page.keyboard.type(ID);
  expect([outside, hub.requests.length]).toEqual([[], 0]);
  await expect(page.locator('.badge', { hasText: 'requests' })).toContainText(/^requests 0\./);

  // One request says what it is and what it would cost; still no file.
  await page.keyboard.press('Enter');
  const button = model.getByRole('button', { name: /^Download \d/ });
  await expect(button).toBeEnabled();
  await expect(model).toContainText('apache-2.0');
  expect(hub.requests).toHaveLength(1);
  hub.pace_ms = 30;
  await pressOn(page, 'button', /^Download \d/, 'Enter');
  await expect(region(page, 'Job').getByText(/model\.safetensors, ([3-9]\d|\d{3}) of /)).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(region(page, 'Job')).toContainText('cancelled after');

  // The rest follows from where it stopped, also after a reload; then the model opens from this device.
  await page.reload();
  await chooseWindows(page, 1, 32);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  hub.pace_ms = 0;
  const before = hub.requests.length;
  await openFold(page, /1 downloaded model/);
  await expect(model.getByText(/\d % of \d/)).toBeVisible();
  await pressOn(page, 'button', 'Continue tiny-llama', 'Enter');
  await expect(page.getByRole('banner')).toContainText('tiny-llama');
  const resumed = hub.requests.slice(before).filter(({ host }) => host === 'files');
  expect(resumed[0].range).toMatch(/^bytes=[1-9]/);
  const badge = page.locator('.badge', { hasText: 'requests' });
  await expect(badge).toContainText('you asked for');
  await expect(badge).not.toHaveAttribute('data-alarm');
  expect(outside.every((url) => url.startsWith(hub.endpoint) || url.startsWith(hub.fileHost))).toBe(true);

  // Open models are kept. Without the network it opens again, and then it is deleted.
  await expect(model.getByRole('button', { name: 'Delete tiny-llama' })).toBeDisabled();
  await page.reload();
  await chooseWindows(page, 1, 32);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  const asked = hub.requests.length;
  await openFold(page, /1 downloaded model/);
  await pressOn(page, 'button', 'Open tiny-llama', 'Enter');
  await expect(page.getByRole('banner')).toContainText('tiny-llama');
  await expect(model).toContainText('LlamaForCausalLM');
  await page.reload();
  await openFold(page, /1 downloaded model/);
  await pressOn(page, 'button', 'Delete tiny-llama', 'Enter');
  await expect(model.getByText('1 downloaded model')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(model.getByText('1 downloaded model')).toHaveCount(0);
  expect(hub.requests.length).toBe(asked);
});

test('says in its place what the Hub refused, and leaves axe nothing to find', async ({ page }) => {
  await page.goto(app.url);
  const model = region(page, 'Model');
  await model.getByText('From the Hugging Face Hub').click();
  await model.getByRole('checkbox').check();
  const ask = async (name: string) => {
    await model.getByRole('textbox').fill(name);
    await model.getByRole('button', { name: 'Look up' }).click();
  };
  await ask('someone/else');
  await expect(model.getByRole('alert')).toContainText('no public model someone/else');
  await ask(`${ID}@v9`);
  await expect(model.getByRole('alert')).toContainText('no revision "v9"');
  hub.info = { gated: 'auto' };
  await ask(ID);
  await expect(model.getByRole('alert')).toContainText('log in');
  await ask('https://example.com/a/b');
  await expect(model.getByRole('alert')).toContainText('example.com');
  await expectNoViolations(page, '.column-left');
  expect(outside.every((url) => url.startsWith(hub.endpoint))).toBe(true);
});
