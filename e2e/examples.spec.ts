import { expect, region, test, waitForJob } from './fixtures.ts';

/** Of the built-in model's kind of text: what is learnt does not matter here. */
const LESSONS = Array.from({ length: 6 }, (_, i) => ({ prompt: `The house was ${i}`, completion: ' old and quiet.' }));
const jsonl = (name: string, lines: readonly unknown[]) => ({
  name,
  mimeType: 'application/jsonl',
  buffer: Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n')),
});

// Half a minute of training and exporting: the same goes through the engine's own tests.
test.skip(!process.env.WHITTLE_FULL, 'with WHITTLE_FULL=1');

test('a file of prompts and answers is chosen for a step, learnt from, and the adapter exported alone', async ({
  page,
}) => {
  await page.goto('./#calibration=2&evaluation=2&length=32&recipe=rft:steps=2,batch=1,rank=4');
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await waitForJob(page, 'Opening the model');
  const recipe = region(page, 'Recipe');
  const step = recipe.getByRole('list', { name: 'Steps of the recipe' }).getByRole('listitem').first();
  const input = step.getByLabel('File of prompts and answers');
  if ((await input.count()) === 0) await step.getByRole('button', { name: /^More of/ }).click();

  await input.setInputFiles(jsonl('bad.jsonl', [LESSONS[0], { prompt: 'x', completion: 3 }]));
  const job = region(page, 'Job');
  await expect(job).toContainText('bad.jsonl');
  await expect(job).toContainText(/line 2/);
  await expect(page.getByLabel('As text')).not.toHaveValue(/bad\.jsonl/);

  await input.setInputFiles(jsonl('lessons.jsonl', LESSONS));
  const text = page.getByLabel('As text');
  await expect(text).toHaveValue(/data=lessons\.jsonl/);
  await input.setInputFiles(jsonl('others.jsonl', LESSONS.slice(2)));
  await expect(text).toHaveValue(/data=others\.jsonl/);
  await step
    .getByLabel(/^Examples/)
    .first()
    .selectOption('lessons.jsonl');
  await expect(text).toHaveValue(/data=lessons\.jsonl/);

  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await waitForJob(page, 'rft:');
  const result = region(page, 'Result');
  const format = result.getByLabel('Format', { exact: true });
  await format.selectOption('peft');
  await expect(result).toContainText('as LoRA factors for the model before training');
  await result.locator('[data-action=export]').click();
  await waitForJob(page, 'Export');
  await expect(result).toContainText('adapter alone (PEFT)');
  await expect(result).toContainText(/belong to .*as it was opened/);

  await text.fill('rtn:bits=8');
  await page.getByRole('button', { name: 'Run the recipe' }).click();
  await waitForJob(page, 'rtn:');
  await expect(result).toContainText('The last step of this recipe trains no adapter.');
  await expect(result.locator('[data-action=export]')).toBeDisabled();
});
