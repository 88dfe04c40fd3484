import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resultTable } from './format.ts';
import { runJob } from './job.ts';
import { parseOptions } from './options.ts';
import { CannedEngine, inputs, job, quiet } from './testing.ts';

describe('the headless job', () => {
  it('slices, measures, exports and saves, and forgets each model before the next', async () => {
    const engine = new CannedEngine();
    await job(engine, '--sparsity', '0.25,0.3');
    const one = ['compress', 'evaluate', 'export', 'discard'];
    expect(engine.commands).toEqual(['start', 'open', 'set_texts', 'evaluate', ...one, ...one, 'memory']);
  });

  it('writes one sparsity to the out folder and several to a folder each', async () => {
    const [single, several] = [new CannedEngine(), new CannedEngine()];
    await job(single, '--sparsity', '0.25');
    await job(several, '--sparsity', '0.25,0.3');
    expect(single.saved).toContain(join('o', 'model.onnx'));
    expect(several.saved).toContain(join('o', 's0.25', 'model.onnx'));
    expect(several.saved).toContain(join('o', 's0.3', 'model.onnx'));
  });

  it('asks the dense model before anything long, so that a wrong prompt costs nothing, and reports what it wrote', async () => {
    const engine = new CannedEngine();
    const { report } = await job(engine, '--prompt', 'Hi', '--sparsity', '0.25', '--format', 'none');
    const run = ['compress', 'evaluate', 'generate', 'discard'];
    expect(engine.commands).toEqual(['start', 'open', 'set_texts', 'generate', 'evaluate', ...run, 'memory']);
    expect(report.prompt).toMatchObject({ text: 'Hi', is_chat: false, given: 'Hi', tokens: 1, max_tokens: 64 });
    expect(report.dense.text).toEqual({ text: 'There.', tokens: [5, 6], stopped: 'end_token', tokens_per_second: 30 });
    expect(resultTable(report)).toMatch(/^dense +2 tokens, 30\.0 a second, ended by itself\n {4}There\.$/m);
  });

  it('writes an importance matrix where one is asked for, and nothing else', async () => {
    const engine = new CannedEngine();
    await job(engine, '--imatrix-out', join('there', 'imatrix.gguf'));
    expect(engine.commands).toEqual(['start', 'open', 'set_texts', 'evaluate', 'write_imatrix', 'memory']);
    expect(engine.saved).toEqual([join('there', 'imatrix.gguf')]);
  });

  it('takes an importance matrix before anything is computed, and tells which', async () => {
    const engine = new CannedEngine();
    const facts: string[] = [];
    const options = parseOptions(['--model', 'demo', '--imatrix', 'mine.gguf']);
    await runJob(options, { ...inputs, imatrix: { kind: 'chosen' } }, engine, {
      ...quiet,
      onFact: (line) => facts.push(line),
    });
    expect(engine.commands.slice(0, 5)).toEqual(['start', 'open', 'set_texts', 'set_imatrix', 'evaluate']);
    expect(facts).toContain('importance  mine.gguf, 4096 tokens of wiki');
  });

  it('writes several exports of a model to a folder each, and one line each in the table', async () => {
    const engine = new CannedEngine();
    const { report } = await job(engine, '--format', 'onnx,transformers.js,safetensors', '--precision', 'stored,int4');
    const folders = ['onnx', 'onnx-int4', 'transformers.js', 'transformers.js-int4', 'safetensors'];
    expect(engine.saved).toEqual(
      folders.flatMap((name) => ['model.onnx', 'report.json'].map((file) => join('o', name, file))),
    );
    expect(report.sliced[0].exports?.map(({ format, precision }) => `${format} ${precision}`)).toEqual([
      'onnx stored',
      'onnx int4',
      'transformers.js stored',
      'transformers.js int4',
      'safetensors stored',
    ]);
    const table = resultTable(report);
    expect(table).toMatch(/^25 % .* onnx +7 B +79\.80 verified +1\.0e-4$/m);
    expect(table).toMatch(/^ +transformers\.js int4 +7 B +79\.80 verified +1\.0e-4$/m);
  });

  it('measures and exports a model as it is, sliceable or not', async () => {
    const engine = new CannedEngine();
    engine.refusal = 'Its layers norm their outputs.';
    const { report, failures } = await job(engine, '--sparsity', 'none', '--precision', 'f16');
    expect(failures).toEqual([]);
    expect(engine.commands).toEqual(['start', 'open', 'set_texts', 'evaluate', 'export', 'memory']);
    expect(engine.saved).toContain(join('o', 'model.onnx'));
    expect(report.sliced).toEqual([]);
    expect(report.dense.exports).toMatchObject([{ format: 'onnx', precision: 'f16', verified: true }]);
    expect(resultTable(report)).toMatch(/^dense .* onnx f16 +7 B +79\.80 verified/m);
    expect(resultTable(report)).not.toMatch(/calibrated|discarded/);
  });
});
