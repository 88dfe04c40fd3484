import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { family, familyFiles } from '../test/fixtures/families/family_model.ts';
import { OPT, optAbsent, STORIES, storiesAbsent } from './fixtures.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the headless command without npm, as `npm run slice -- ARGUMENTS` does after set-up. */
function slice(
  args: string[],
  onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
  program = ['.cache/command/main.mjs'],
  env: NodeJS.ProcessEnv = {},
) {
  return new Promise<Finished>((resolve) => {
    const child = spawn(process.execPath, [...program, ...args], { cwd: root, env: { ...process.env, ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
      onStderr?.(stderr, (signal) => child.kill(signal));
    });
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'whittle-cli-'));
}

const stories = ['--model', STORIES.folder, '--calibration', STORIES.calibration, '--evaluation', STORIES.evaluation];

test.describe('bad arguments and bad input end with 2 and one message', () => {
  const cases: { what: string; args: () => string[]; says: RegExp }[] = [
    { what: 'no model', args: () => [], says: /--model demo/ },
    { what: 'an unknown option', args: () => ['--model', 'demo', '--fast'], says: /--fast/ },
    { what: 'sparsity out of range', args: () => ['--model', 'demo', '--sparsity', '1.5'], says: /1\.5.*0\.25/ },
    { what: 'a path where nothing is', args: () => ['--model', 'no/such/model'], says: /nothing at .*no\/such\/model/ },
    { what: 'a text where nothing is', args: () => ['--model', 'demo', '--evaluation', 'none.txt'], says: /none\.txt/ },
    {
      what: 'a GGUF file that is cut short',
      args: () => {
        const path = join(folder(), 'tiny.gguf');
        writeFileSync(path, 'GGUF');
        return ['--model', path];
      },
      says: /tiny\.gguf/,
    },
    { what: 'a sliced GGUF', args: () => ['--model', 'demo', '--format', 'gguf'], says: /shortcuts.*--sparsity none/ },
    {
      what: 'a folder that is no model',
      args: () => {
        const path = folder();
        writeFileSync(join(path, 'config.json'), '{"model_type":"mamba"}');
        return ['--model', path];
      },
      says: /mamba|tokenizer|safetensors/,
    },
  ];
  for (const { what, args, says } of cases) {
    test(what, async () => {
      const { status, stdout, stderr } = await slice(args());
      expect(status).toBe(2);
      expect(stdout).toBe('');
      const messages = stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('['));
      expect(messages).toHaveLength(1);
      expect(messages[0]).toMatch(says);
    });
  }
});

test('a mistake is told before a browser is started', async () => {
  const seen = join(folder(), 'started');
  const CHROME_PATH = join(folder(), 'chromium');
  writeFileSync(CHROME_PATH, `#!/bin/sh\ntouch '${seen}'\n`, { mode: 0o755 });
  const run = (...args: string[]) => slice(args, undefined, undefined, { CHROME_PATH });
  for (const wrong of [['--fast'], ['--evaluation', 'none.txt'], ['--sparsity', '1.5'], ['--help']]) {
    await run('--model', 'demo', ...wrong);
    expect(existsSync(seen), wrong.join(' ')).toBe(false);
  }
  expect((await run('--model', 'demo', '--out', folder())).status).toBe(1);
  expect(existsSync(seen)).toBe(true);
});

test('its sources run, too, and say the same', async () => {
  const wrong = ['--model', 'demo', '--fast'];
  expect(await slice(wrong, undefined, ['--import', 'tsx', 'src/cli/main.ts'])).toEqual(await slice(wrong));
});

test('--help explains every option', async () => {
  const { status, stdout } = await slice(['--help']);
  expect(status).toBe(0);
  for (const option of ['model', 'sparsity', 'schedule', 'fusion', 'head', 'backend', 'format', 'precision', 'out']) {
    expect(stdout).toContain(`--${option} `);
  }
});

test('a real run: exports, report and table agree', async () => {
  test.skip(storiesAbsent !== undefined, storiesAbsent);
  const out = folder();
  const small = ['--samples', '4', '--eval-samples', '4', '--seqlen', '128'];
  const { status, stdout, stderr } = await slice([...stories, ...small, '--sparsity', '0.1,0.25', '--out', out]);
  expect(stderr).toContain('[3/4] slice 10 %');
  expect(status).toBe(0);
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  expect(report.model).toMatchObject({ hidden_size: 64, layers: 5, parameters: 260_032 });
  expect(report.protocol).toMatchObject({ seqlen: 128, samples: 4, eval_samples: 4 });
  expect(report.sliced.map((run: { dimension: number }) => run.dimension)).toEqual([56, 48]);
  for (const run of report.sliced) {
    expect(run.onnx.verified).toBe(true);
    expect(run.perplexity).toBeGreaterThan(report.dense.perplexity);
    const [model] = run.onnx.files.filter((file: { name: string }) => file.name === 'model.onnx');
    expect(readFileSync(join(out, `s${run.sparsity}`, 'model.onnx')).byteLength).toBe(model.bytes);
    expect(stdout).toContain(run.perplexity.toFixed(2));
    // Embedding, and two a layer but for the last output, which the tied head leaves whole.
    expect(run.sites).toHaveLength(2 * report.model.layers);
    for (const { verdict, orthogonality_ulp, residual_ulp } of run.sites) {
      expect(verdict).not.toMatch(/^poor/);
      expect(Math.max(orthogonality_ulp, residual_ulp)).toBeLessThan(10);
    }
  }
  // Page, engine and verifier; Chromium tells it where the headless command asks.
  expect(report.memory.peak_heap_bytes).toBeGreaterThan(1e6);
  const sum = ['load', 'dense_evaluation', 'calibration_and_slicing', 'evaluation', 'export', 'verification']
    .map((stage) => report.timings_ms[stage])
    .reduce((total, duration) => total + duration, 0);
  expect(sum).toBeLessThanOrEqual(report.timings_ms.total + 10);
});

const tiny = ['--samples', '2', '--eval-samples', '2', '--seqlen', '32'];

test('OPT in several formats: a folder, a line and an entry of the report for each', async () => {
  test.skip(optAbsent !== undefined, optAbsent);
  const out = folder();
  const texts = ['--calibration', OPT.calibration, '--evaluation', OPT.evaluation];
  const wanted = ['--format', 'onnx,transformers.js', '--precision', 'stored,int4'];
  const { status, stdout, stderr } = await slice(['--model', OPT.folder, ...texts, ...tiny, ...wanted, '--out', out]);
  expect(status, stderr).toBe(0);
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  expect(report.model).toMatchObject({ architecture: 'OPTForCausalLM', parameters: 532_512 });
  const [run] = report.sliced;
  expect(run.onnx).toMatchObject({ verified: true, perplexity: run.exports[0].perplexity });
  const models = {
    onnx: 'model.onnx',
    'onnx-int4': 'model_q4.onnx',
    'transformers.js': 'onnx/model.onnx',
    'transformers.js-int4': 'onnx/model_q4.onnx',
  };
  expect(run.exports).toHaveLength(4);
  for (const [index, [name, model]] of Object.entries(models).entries()) {
    const exported = run.exports[index];
    const [file] = exported.files.filter((one: { name: string }) => one.name === model);
    expect(readFileSync(join(out, name, model)).byteLength).toBe(file.bytes);
    expect(stdout).toContain(`${exported.perplexity.toFixed(2)} verified`);
  }
});

test('a model that cannot be sliced is refused at once, and exported as it is with --sparsity none', async () => {
  const model = folder();
  for (const { path, blob } of await familyFiles(await family('olmo2'))) {
    writeFileSync(join(model, basename(path)), new Uint8Array(await blob.arrayBuffer()));
  }
  const refused = await slice(['--model', model, ...tiny, '--out', folder()]);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toMatch(/Olmo2ForCausalLM cannot be sliced.*--sparsity none/);
  const out = folder();
  const { status, stdout, stderr } = await slice(['--model', model, ...tiny, '--sparsity', 'none', '--out', out]);
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^dense .* verified/m);
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  expect(report.sliced).toEqual([]);
  expect(report.dense.exports).toMatchObject([{ format: 'onnx', precision: 'stored', verified: true }]);
});

test('an interrupt cancels the job', async () => {
  const { status, stderr } = await slice(['--model', 'demo', '--out', folder()], (text, kill) => {
    if (text.includes('[2/3] dense') && !text.includes('cancelling')) kill('SIGINT');
  });
  expect(status, stderr).toBe(130);
  expect(stderr).toContain('cancelled');
});
