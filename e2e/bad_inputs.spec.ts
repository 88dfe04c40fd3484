import {
  chooseWindows,
  dropFiles,
  expect,
  type FileBytes,
  ggufFile,
  readFolder,
  region,
  STORIES,
  storiesAbsent,
  test,
  waitForJob,
} from './fixtures.ts';

/** The stories model, with some files changed or left out. */
function stories(change: (file: FileBytes) => FileBytes | null): FileBytes[] {
  return readFolder(STORIES.folder).flatMap((file) => change(file) ?? []);
}

function json(file: FileBytes, change: (value: Record<string, unknown>) => void): FileBytes {
  const value = JSON.parse(file.bytes.toString('utf8'));
  change(value);
  return { name: file.name, bytes: Buffer.from(JSON.stringify(value)) };
}

const isConfig = (file: FileBytes) => file.name === 'config.json';
const isSecondShard = (file: FileBytes) => file.name === 'model-00002-of-00002.safetensors';

const CASES: { what: string; files: () => FileBytes[]; says: RegExp[] }[] = [
  {
    what: 'a file that is no model',
    files: () => [{ name: 'holiday.csv', bytes: Buffer.from('no model at all') }],
    says: [/config\.json/],
  },
  {
    what: 'a missing shard',
    files: () => stories((file) => (isSecondShard(file) ? null : file)),
    says: [/model-00002-of-00002\.safetensors/],
  },
  {
    what: 'a shard cut short',
    files: () => stories((file) => (isSecondShard(file) ? { ...file, bytes: file.bytes.subarray(0, 300_000) } : file)),
    says: [/model-00002-of-00002\.safetensors/, /300,?000|truncated|ends|incomplete/i],
  },
  {
    what: 'a config that disagrees with the weights',
    files: () => stories((file) => (isConfig(file) ? json(file, (config) => (config.intermediate_size = 96)) : file)),
    says: [/96/],
  },
  {
    what: 'an unknown architecture',
    files: () => stories((file) => (isConfig(file) ? json(file, (config) => (config.model_type = 'mamba')) : file)),
    says: [/mamba/, /llama/],
  },
];

test.describe('a bad drop is refused with what was found and what to do', () => {
  test.skip(storiesAbsent !== undefined, storiesAbsent);
  for (const { what, files, says } of CASES) {
    test(what, async ({ page }) => {
      await page.goto('./');
      await expect(page.getByRole('button', { name: 'Try the built-in model' })).toBeEnabled();
      await dropFiles(page, files());
      // Once, where the model would stand.
      const alert = region(page, 'Model').getByRole('alert');
      await expect(alert).toBeVisible({ timeout: 60_000 });
      await expect(page.getByRole('alert')).toHaveCount(1);
      for (const words of says) await expect(alert).toContainText(words);
    });
  }

  test('what is absent is added by one press', async ({ page }) => {
    await page.goto('./');
    await chooseWindows(page, 1, 32);
    await dropFiles(
      page,
      stories((file) => (isSecondShard(file) ? null : file)),
    );
    const [shard] = stories((file) => (isSecondShard(file) ? file : null));
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: `Add ${shard.name}…` }).click();
    const { name, bytes: buffer } = shard;
    await (await chooser).setFiles([{ name, mimeType: 'application/octet-stream', buffer }]);
    await waitForJob(page, 'Opening the model');
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('windows longer than the model permits are made shorter by one press', async ({ page }) => {
    await page.goto('./');
    await dropFiles(page, [await ggufFile('llama')]);
    const calibration = region(page, 'Calibration');
    await expect(calibration.getByRole('alert')).toContainText('made for 64 positions', { timeout: 60_000 });
    await calibration.getByRole('button', { name: 'Use windows of 64 tokens' }).click();
    await waitForJob(page, 'Measuring the dense model');
    await expect(calibration.getByRole('alert')).toHaveCount(0);
  });

  test('a text that is too short', async ({ page }) => {
    await page.goto('./');
    const text = { name: 'short.txt', mimeType: 'text/plain', buffer: Buffer.from('Once upon a time.') };
    await page.getByLabel('Evaluation text file').setInputFiles(text);
    await dropFiles(page, readFolder(STORIES.folder));
    const alert = region(page, 'Calibration').getByRole('alert');
    await expect(alert).toContainText('short.txt', { timeout: 60_000 });
    // The model itself is fine and stays; no word of a failed opening.
    await expect(alert).toContainText('Tokenising the texts: failed');
    await expect(page.getByText('Opening the model')).toHaveCount(0);
    await expect(region(page, 'Model')).toContainText('LlamaForCausalLM');
  });
});
