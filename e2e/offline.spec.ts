/** The studio without a network, from the second visit on. */
import { chooseWindows, expect, region, test, waitForJob } from './fixtures.ts';

test.use({ serviceWorkers: 'allow' });

test('after one visit the page starts, opens the built-in model and slices it without a network', async ({
  page,
  context,
  baseURL,
}) => {
  await page.goto('./');
  // Until the worker has all that it keeps, and answers for this page.
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  await chooseWindows(page, 1, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  const hashed = await page.evaluate(
    () => performance.getEntriesByType('resource').find(({ name }) => /assets/.test(name))?.name,
  );
  const headers = (await page.request.get(hashed as string)).headers();
  expect(headers['cache-control']).toContain('immutable');

  await context.setOffline(true);
  const answer = await page.reload();
  expect(answer?.fromServiceWorker()).toBe(true);
  expect(answer?.headers()).toMatchObject({
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  });
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await expect(page.getByText('Nothing is running')).toBeVisible();
  const device = region(page, 'This device');
  await device.getByText('What it can do').click();
  await expect(device).toContainText('Without a networkworks, with the built-in model');
  await chooseWindows(page, 1, 32);
  // Not used before: the texts are kept from the start.
  await page.getByLabel('Calibration text', { exact: true }).selectOption('chat');
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  await page.getByRole('slider', { name: 'Sparsity' }).fill('25');
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await waitForJob(page, 'Slicing 25 %');
  await expect(region(page, 'Result')).toContainText('Perplexity');
  await context.setOffline(false);
  // Installable: a manifest with a name, a start page and an icon that exists.
  const manifest = (await (await page.request.get(new URL('manifest.webmanifest', baseURL).href)).json()) as {
    name: string;
    start_url: string;
    display: string;
    icons: { src: string }[];
  };
  expect(manifest).toMatchObject({ name: 'Whittle', display: 'standalone' });
  for (const { src } of manifest.icons) {
    expect((await page.request.get(new URL(src, baseURL).href)).ok()).toBe(true);
  }
});
