import { expect, it } from 'vitest';
import type { PerplexityReport, SiteReport } from '../engine/protocol.ts';
import type { Report } from '../engine/report.ts';
import { reportHtml } from '../report/html.ts';
import type { Driver } from './browser.ts';
import { htmlPage, type Seen, watched } from './html_report.ts';
import { parseOptions } from './options.ts';

const evaluation = (target: string, window_losses: number[]) => ({ target, window_losses }) as PerplexityReport;
const SITE = {
  site: 0,
  label: 'embedding',
  eigenvalues: Float64Array.of(4, 2, 1),
  dimension: 2,
} as unknown as SiteReport;

const RUN = {
  ...{ recipe: 'gptq:bits=4', perplexity: 80, perplexity_error: 1, kl_divergence: 0.05, top1_agreement: 0.9 },
  ...{ bytes: 2e6, stored_bytes: 3e6, bits_per_weight: 4, parameters: 4e6, multiplications_per_token: 4e6 },
  tokens_per_second: 100,
  steps: [
    {
      ...{ method: 'gptq', options: {}, seconds: 1 },
      units: [{ unit: 'model.layers.1.mlp.down_proj', layer: 1, error: 0.02, measured: 'gram', bytes: 1 }],
    },
  ],
  exports: [
    {
      format: 'gguf',
      precision: 'stored',
      verified: true,
      perplexity: 80.1,
      files: [{ name: 'a.gguf', bytes: 3.1e6, sha256: '' }],
    },
    { format: 'onnx', precision: 'int4', verified: false, perplexity: null, files: [] },
  ],
};

const REPORT = {
  model: { name: 'tiny', architecture: 'Llama', hidden_size: 8, layers: 2, parameters: 4e6, bytes: 8e6, dtype: 'F16' },
  warnings: ['a tensor was left out'],
  protocol: {
    seqlen: 64,
    samples: 4,
    eval_samples: 3,
    calibration: 'a',
    evaluation: 'b',
    bos: 'none',
    tokenizer: 'BPE',
  },
  backend: { kind: 'cpu', vendor: '', architecture: '', description: 'CPU' },
  dense: { perplexity: 75, relative_spread: null, parameters: 4e6, bytes: 8e6, tokens_per_second: 90 },
  runs: [RUN],
  timings_ms: { total: 1000 },
  memory: { peak_gpu_bytes: 1e6 },
} as unknown as Report;

it('is made of the report, and of losses and spectra that passed on the way to it', async () => {
  const results = [evaluation('dense', [4, 4.2]), { bases: { sites: [SITE] } }, evaluation('run-1', [4.1, 4.3])];
  const driver = { run: async () => results.shift(), save: async () => undefined } as unknown as Driver;
  const seen: Seen = { evaluations: [], sites: [] };
  const through = watched(driver, seen);
  await through.run('evaluate', { target: 'dense' } as never);
  await through.run('compress', { steps: [] } as never);
  await through.run('evaluate', { target: 'run-1' } as never);
  const page = htmlPage(REPORT, parseOptions(['--model', 'demo', '--recipe', 'gptq:bits=4']), seen, new Date(0));
  expect(page.models.map(({ label, kind }) => `${kind} ${label}`)).toEqual([
    'dense dense',
    'run gptq:bits=4',
    'file gptq:bits=4, gguf',
  ]);
  for (const { cells } of page.models) expect(cells).toHaveLength(page.columns.length);
  // 3 MB as held, whatever they would be with floats as float16: the dense model's 8 MB are as held, too.
  expect(page.models[1].bytes).toBe(3e6);
  expect(page.curves.map(({ label }) => label)).toEqual(['dense', 'gptq:bits=4']);
  expect(page.curves[1].perplexities[1]).toBeCloseTo(Math.exp(4.2), 12);
  expect(page.spectra).toEqual([{ label: 'embedding', eigenvalues: SITE.eigenvalues, dimension: 2 }]);
  expect(page.maps[0]).toMatchObject({ layers: 2, rows: ['down_proj'] });
  expect(page.settings).toEqual([{ name: 'Recipe', value: 'gptq:bits=4' }]);
  expect(reportHtml(page)).not.toMatch(/NaN|undefined|Infinity/);
});
