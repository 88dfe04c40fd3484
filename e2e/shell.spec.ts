/** What the page says around its work: how long it will take, where it stands when nobody looks, and tasks and trainings. */
import { chooseWindows, expect, expectNoViolations, foretell, pictures, region, test, waitForJob } from './fixtures.ts';

test('long measuring waits for the person; title and, once asked for, a notification tell its end', async ({
  page,
  context,
}) => {
  await context.grantPermissions(['notifications']);
  await foretell(page, 40, 60);
  // What the page would show, and a tab that nobody looks at.
  await page.addInitScript(() => {
    const shown: string[] = [];
    Object.assign(window, { shown });
    class Told {
      static permission = 'granted';
      static requestPermission = async () => 'granted';
      constructor(title: string, { body }: { body: string }) {
        shown.push(`${title}: ${body}`);
      }
    }
    Object.assign(window, { Notification: Told });
  });
  await page.goto('./');
  await chooseWindows(page, 64, 256);
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  const card = region(page, 'Measure first');
  await expect(card).toContainText('about 2 min on this');
  await expectNoViolations(page);
  await pictures(page, 'long-measure');
  expect(await page.title()).toBe('Whittle');

  await chooseWindows(page, 32, 256);
  await expect(card).toContainText('would have taken about 2 min');
  await expect(card).toContainText('32 windows measure, 32 calibrate, of 256 tokens each');
  await chooseWindows(page, 64, 256);
  await card.getByRole('button', { name: 'Start' }).click();
  await expect(region(page, 'Job').locator('.job-line')).toContainText(
    /^Measuring the dense model · Perplexity of the dense model, 1 of 2 · layer \d of 4/,
  );
  await expect.poll(() => page.title()).toMatch(/^\d+ % · Whittle$/);
  await expect(card).toHaveCount(0);
  await page.getByRole('button', { name: 'Notify me' }).click();
  await expect(page.getByRole('button', { name: 'Notify me' })).toHaveAttribute('aria-pressed', 'true');
  await page.evaluate(() => Object.defineProperty(document, 'hidden', { get: () => true }));
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await expect(region(page, 'Job')).toContainText('cancelled after');
  expect(await page.evaluate(() => (window as unknown as { shown: string[] }).shown)).toEqual([]);
  // Whose end is told is one that nobody ended.
  await chooseWindows(page, 1, 32);
  await expect(region(page, 'Calibration')).not.toContainText('figures shown');
  await expect(card).toContainText('1 window measures, 1 calibrates, of 32 tokens each');
  await card.getByRole('button', { name: 'Start' }).click();
  await waitForJob(page, 'Measuring the dense model');
  // With what was chosen, not with what the model was opened with.
  await expect(region(page, 'Result')).toContainText(/· 1 window .*× 32 tokens/);
  expect(await page.title()).toBe('Done · Whittle');
  const shown = await page.evaluate(() => (window as unknown as { shown: string[] }).shown);
  expect(shown).toEqual([expect.stringMatching(/^Measuring the dense model: Done in \d/)]);
});

const QUESTIONS = [
  { goal: 'To open a door', sol1: 'turn the handle and push', sol2: 'paint the ceiling blue', label: 0 },
  { goal: 'To read at night', sol1: 'close both eyes', sol2: 'light a lamp', label: 1 },
  { goal: 'To cross a river', sol1: 'take the bridge', sol2: 'take the stairs', label: 0 },
];

test('tasks are scored for the dense model and a run, and a training is drawn as it learns', async ({ page }) => {
  await page.goto('./#calibration=4&evaluation=2&length=32&recipe=magnitude:sparsity=0.5;heal:steps=6,rank=2');
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  const tasks = region(page, 'Tasks');
  await expect(tasks).toContainText('Open examples in JSON Lines');
  const lines = QUESTIONS.map((line) => JSON.stringify(line)).join('\n');
  await tasks
    .getByLabel('Files of multiple-choice examples')
    .setInputFiles({ name: 'doors.jsonl', mimeType: 'application/json', buffer: Buffer.from(lines) });
  await waitForJob(page, 'Tasks doors.jsonl');
  await tasks.getByRole('button', { name: 'Score dense' }).click();
  await waitForJob(page, 'Tasks on the dense model');
  const row = tasks.getByRole('row', { name: /^doors/ });
  await expect(row).toContainText(/^doors3[\d.]+ %–$/);

  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await waitForJob(page, 'magnitude');
  const training = region(page, 'Training losses');
  await expect(training).toContainText('nats a token, held out');
  await expect(training.getByRole('table')).toContainText('Held-out perplexity');
  await tasks.getByRole('button', { name: 'Score this model' }).click();
  await waitForJob(page, 'Tasks on this model');
  await expect(row).toContainText(/^doors3[\d.]+ %[\d.]+ %$/);
  await expectNoViolations(page);
  await tasks.scrollIntoViewIfNeeded();
  await pictures(page, 'tasks');
  await training.scrollIntoViewIfNeeded();
  await pictures(page, 'training');
});
