/** The model speaks: dense, compressed and exported side by side, stopped, marked where they part; tokens under the microscope. */
import { chooseWindows, expect, expectNoViolations, region, test, waitForJob } from './fixtures.ts';

test('one prompt to the dense model, the sliced one and its file, and a text under the microscope', async ({
  page,
}) => {
  await page.goto('./');
  await chooseWindows(page, 1, 32);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  const card = region(page, 'Try it');
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  // Not while another job runs, and it says so.
  const write = card.getByRole('button', { name: 'Write' });
  await expect(write).toHaveAttribute('aria-disabled', 'true');
  await waitForJob(page, 'Slicing 25 %');
  await page.locator('[data-action=export]').click();
  await waitForJob(page, 'Exporting');

  await card.getByText('Sampling:').click();
  await card.getByRole('spinbutton', { name: 'Tokens' }).fill('12');
  // By keyboard, from the text.
  await card.getByRole('textbox').press('Control+Enter');
  await waitForJob(page, 'Writing texts');
  const voices = card.getByRole('article');
  await expect(voices).toHaveCount(3);
  for (const voice of await voices.all()) await expect(voice).toContainText(/(12|\d) tokens · [\d.,]+ /);
  await expect(voices.nth(1)).toContainText(/parts from dense at token \d+|token for token as dense/);
  // The file says what the sliced model says.
  const text = (index: number) => voices.nth(index).locator('.voice-text').textContent();
  expect(await text(2)).toBe(await text(1));
  await expect(voices.nth(2)).toContainText('onnxruntime-web');
  // What tells a file from its model has a line of its own, whatever the name's length.
  await expect(voices.nth(2).locator('.voice-label > .muted')).toHaveText(/^file: ONNX/);
  expect(await text(1)).not.toBe(await text(0));
  await expect(voices.nth(1).locator('mark')).toHaveCount(1);
  await expect(card.getByRole('status')).toContainText('dense: 12 tokens');

  // Stopped in the middle: what was written stays.
  await card.getByRole('spinbutton', { name: 'Tokens' }).fill('900');
  await write.click();
  await expect(voices.first().locator('.voice-text')).toContainText(/(\w+\W+){20}/);
  await card.getByRole('button', { name: 'Stop' }).click();
  await expect(voices.first()).toContainText('stopped');
  expect((await text(0))?.length).toBeGreaterThan(5);

  const microscope = region(page, 'Tokens under the microscope');
  await microscope.getByRole('button', { name: 'Compare tokens' }).click();
  await waitForJob(page, 'Looking at tokens');
  await expect(microscope.getByRole('status')).toContainText(/32 tokens.* nats a token/);
  expect(await microscope.locator('.tokens span[class]').count()).toBeGreaterThan(2);
  await expect(microscope.getByRole('table').getByRole('row')).toHaveCount(33);
  await microscope.getByRole('button', { name: 'Table' }).click();
  await expectNoViolations(page, '.speak');
  await microscope.getByRole('button', { name: 'Table' }).click();
  if (process.env.WHITTLE_PICTURES) {
    for (const [colorScheme, width] of [
      ['light', 1440],
      ['dark', 1440],
      ['light', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page
        .locator('.speak')
        .screenshot({ path: `${process.env.WHITTLE_PICTURES}/speak-${colorScheme}-${width}.png` });
    }
  }
});
