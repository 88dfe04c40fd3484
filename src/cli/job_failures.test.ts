import { describe, expect, it } from 'vitest';
import { WhittleError } from '../errors/errors.ts';
import { resultTable } from './format.ts';
import { CannedEngine, job } from './testing.ts';

describe('a headless job of which something fails', () => {
  it('goes on after an export that failed verification, and saves nothing of it', async () => {
    const engine = new CannedEngine();
    const { report, failures } = await job(engine, '--sparsity', '0.5,0.25');
    expect(failures).toMatchObject([{ sparsity: 0.5, choice: { format: 'onnx', precision: 'stored' } }]);
    expect(engine.saved.some((path) => path.includes('s0.5'))).toBe(false);
    expect(report.sliced.map((run) => run.onnx?.verified)).toEqual([false, true]);
    expect(report.sliced[0].onnx).toEqual({
      files: [],
      verified: false,
      perplexity: null,
      max_abs_logit_difference: null,
      error: 'It differs.',
    });
  });

  it('saves nothing that an engine hands over unverified', async () => {
    const engine = new CannedEngine();
    engine.verified = false;
    const { failures } = await job(engine, '--sparsity', '0.25');
    expect(failures).toMatchObject([{ sparsity: 0.25, error: { code: 'verification_failed' } }]);
    expect(engine.saved.filter((path) => path.endsWith('.onnx'))).toEqual([]);
  });

  it('goes on after a format that cannot hold the model', async () => {
    const { report, failures } = await job(new CannedEngine(), '--sparsity', 'none', '--format', 'gguf,onnx');
    expect(failures).toMatchObject([{ choice: { format: 'gguf' }, error: { code: 'bad_option' } }]);
    expect(report.dense.exports?.map(({ format, verified }) => [format, verified])).toEqual([
      ['gguf', false],
      ['onnx', true],
    ]);
  });

  it('refuses a model that cannot be sliced before it measures anything, and says what to do', async () => {
    const engine = new CannedEngine();
    engine.refusal = 'Its layers norm their outputs.';
    await expect(job(engine)).rejects.toMatchObject({
      code: 'not_sliceable',
      message: expect.stringContaining('norm their outputs'),
      action: expect.stringContaining('--sparsity none'),
      isBadInput: true,
    });
    expect(engine.commands).toEqual(['start', 'open']);
  });

  it.each([
    ['a sparsity that leaves nothing', ['--sparsity', '0.1,0.99'], 'Sparsity 0.99'],
    ['a rounding interval above the hidden size', ['--round', '512'], 'multiple of 512'],
  ])('refuses %s before it reads a text or measures anything', async (_, argv, message) => {
    const engine = new CannedEngine();
    await expect(job(engine, ...argv)).rejects.toMatchObject({
      code: 'bad_option',
      message: expect.stringContaining(message),
    });
    expect(engine.commands).toEqual(['start', 'open']);
  });

  it('refuses a tied head for a model without one before it measures anything', async () => {
    const engine = new CannedEngine();
    engine.tied = false;
    await expect(job(engine, '--head', 'tied')).rejects.toMatchObject({ code: 'bad_option' });
    expect(engine.commands).toEqual(['start', 'open']);
  });

  it('reports what was finished when a later sparsity fails', async () => {
    const error = new WhittleError({ code: 'out_of_memory', message: 'It is full.' });
    const engine = new CannedEngine({ compress: { at: 2, error } });
    const { report, failures, stopped } = await job(engine, '--sparsity', '0.25,0.3,0.4');
    expect(stopped).toBe(error);
    expect(failures).toEqual([]);
    expect(report.sliced.map((run) => [run.sparsity, run.onnx?.verified])).toEqual([[0.25, true]]);
    expect(report.dense.perplexity).toBe(75.87);
    expect(report.memory.peak_gpu_bytes).toBe(123_000_000);
    expect(engine.commands.filter((name) => name === 'compress')).toHaveLength(2);
    expect(resultTable(report)).toMatch(/^25 % .* verified/m);
  });

  it('keeps the perplexity of a model whose export failed, with the reason', async () => {
    const error = new WhittleError({ code: 'storage_full', message: 'No space is left.' });
    const { report, stopped } = await job(new CannedEngine({ export: { at: 1, error } }));
    expect(stopped).toBe(error);
    expect(report.sliced[0]).toMatchObject({ perplexity: 79.8, onnx: { verified: false, error: 'No space is left.' } });
    expect(resultTable(report)).toMatch(/^25 % .* onnx +FAILED$/m);
  });

  it('takes the peak of memory from the last progress where the page is lost', async () => {
    const error = new Error('the page crashed');
    const { report, stopped } = await job(new CannedEngine({ compress: { at: 1, error }, memory: { at: 1, error } }));
    expect(stopped).toBe(error);
    expect(report.sliced).toEqual([]);
    expect(report.memory.peak_gpu_bytes).toBe(99_000_000);
    expect(resultTable(report)).toMatch(/^dense .* 75\.87 /m);
  });

  it('rejects where nothing was measured', async () => {
    const error = new WhittleError({ code: 'text_too_short', message: 'It is short.' });
    await expect(job(new CannedEngine({ set_texts: { at: 1, error } }))).rejects.toBe(error);
  });
});
