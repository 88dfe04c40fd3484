import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../engine/report.ts';
import { resultTable } from './format.ts';
import { runJob } from './job.ts';
import { parseOptions } from './options.ts';
import { CannedEngine, inputs, job, quiet, watchedJob } from './testing.ts';

describe('what a headless job reports', () => {
  it('scores the dense model and every model on the tasks, and reports each', async () => {
    const engine = new CannedEngine();
    const facts: string[] = [];
    const options = parseOptions(['--model', 'demo', '--tasks', 'mine.jsonl', '--task-limit', '5']);
    const observer = { ...quiet, onFact: (line: string) => facts.push(line) };
    const { report } = await runJob(options, { ...inputs, tasks: { kind: 'chosen' } }, engine, observer);
    const one = ['compress', 'evaluate', 'score', 'export', 'discard'];
    expect(engine.commands).toEqual(['start', 'open', 'set_texts', 'set_tasks', 'evaluate', 'score', ...one, 'memory']);
    expect(facts).toContain('task        mine, 5 examples in the form of piqa');
    const scored = [expect.objectContaining({ task: 'mine', acc: { value: 0.6, error: 0.2 } })];
    expect([report.dense.tasks, report.sliced[0].tasks]).toEqual([scored, scored]);
    expect(resultTable(report)).toMatch(/dense +mine +5 +60\.0 % +20\.0 % +40\.0 % +–/);
  });

  it('tells of a search for a size what was predicted and what was measured', async () => {
    const { report } = await job(new CannedEngine(), '--sparsity', 'none');
    const candidates = [{ recipe: 'gguf:type=q3_k_s', bytes: 2_590_000, predicted: 0.0061, measured: 0.00592 }];
    const solver = { target_bytes: 2_600_000, format: 'gguf', held_windows: 4, candidates, smallest_bytes: 2e6 };
    const run = {
      ...{ recipe: candidates[0].recipe, steps: [], exports: [], kl_divergence: 0.0058, solver },
      ...{
        perplexity: 76,
        perplexity_error: 4,
        stored_bytes: 2_590_000,
        perplexity_ratio: 1.002,
        tokens_per_second: 700,
        bytes: 2_590_000,
        parameters: 4e6,
        bits_per_weight: 5.2,
        multiplications_per_token: 4e6,
      },
    };
    const table = resultTable({ ...report, runs: [run as unknown as RunSummary] });
    expect(table).toMatch(/^r1 +gguf:type=q3_k_s +0\.00580 /m);
    expect(table).toMatch(
      /^r1 is the best of 1 recipes for 2\.60 MB of gguf: 2\.59 MB, KL predicted 0\.00610, measured 0\.00592/m,
    );
  });

  it('shows a run of a model in F32 by the bytes that the dense one is shown by, and says what bits a weight count', async () => {
    const { report } = await job(new CannedEngine(), '--sparsity', 'none');
    const run = {
      ...{
        recipe: 'gptq:bits=4',
        steps: [],
        exports: [],
        perplexity: 76,
        perplexity_error: null,
        tokens_per_second: 1,
      },
      ...{
        bytes: 50_240,
        stored_bytes: 91_520,
        parameters: 36_000,
        bits_per_weight: 11.2,
        multiplications_per_token: 1,
      },
    } as unknown as RunSummary;
    const table = resultTable({ ...report, runs: [run], protocol: { ...report.protocol, shared_windows: 1 } });
    expect(table).toMatch(/^r1 +76\.00 +– +36\.0 k +91\.5 kB/m);
    expect(table).not.toMatch(/50\.2 kB/);
    expect(table).toMatch(/^bits\/weight counts floats as float16/m);
    expect(table).toMatch(/^note +one evaluation window was calibrated on too/m);
    expect(resultTable({ ...report, runs: [{ ...run, stored_bytes: 50_240 }] })).not.toMatch(
      /counts floats as float16/,
    );
  });

  it('reports the documented fields', async () => {
    const { report } = await job(new CannedEngine(), '--sparsity', '0.25');
    expect(report.model).toMatchObject({ hidden_size: 256, layers: 4, parameters: 4_000_000, bytes: 8_000_000 });
    expect(report.protocol).toMatchObject({ calibration: 'calibration.txt', evaluation_tokens: 43117, seqlen: 256 });
    expect(report.backend).toMatchObject({ kind: 'webgpu', is_fallback_adapter: true });
    expect(report.sliced[0]).toMatchObject({ sparsity: 0.25, dimension: 192, schedule: 'sequential', head: 'tied' });
    // The report cannot list its own hash.
    expect(report.sliced[0].onnx?.files.map(({ name }) => name)).toEqual(['model.onnx']);
    expect(Object.keys(report.timings_ms)).toEqual([
      'load',
      'dense_evaluation',
      'compression',
      'evaluation',
      'export',
      'verification',
      'total',
      // As it was called before.
      'calibration_and_slicing',
    ]);
    expect(report.timings_ms.calibration_and_slicing).toBe(report.timings_ms.compression);
    expect(report.memory.peak_gpu_bytes).toBe(123_000_000);
  });

  it('tells what opening found odd, a line each, and reports it', async () => {
    const engine = new CannedEngine();
    engine.warnings = ['Not used: adapter_model.safetensors.', 'It points to\ncode of its own.'];
    const facts: string[] = [];
    const observer = { ...quiet, onFact: (line: string) => facts.push(line) };
    const { report } = await watchedJob(engine, observer, '--sparsity', 'none');
    expect(facts.slice(0, 2)).toEqual([
      'warning     Not used: adapter_model.safetensors.',
      'warning     It points to code of its own.',
    ]);
    expect(report.warnings).toEqual(engine.warnings);
    expect((await job(new CannedEngine())).report.warnings).toEqual([]);
  });

  it('passes --bos on, and reports what the engine made of it', async () => {
    const engine = new CannedEngine();
    const { report } = await job(engine, '--bos', 'each');
    expect(engine.texts).toMatchObject({ bos: 'each' });
    expect(report.protocol.bos).toBe('first');
    const another = new CannedEngine();
    await job(another);
    expect(another.texts).not.toHaveProperty('bos');
  });

  it('says that one window has no standard error', async () => {
    const engine = new CannedEngine();
    engine.eval_samples = 1;
    const { report } = await job(engine, '--sparsity', '0.25');
    expect(report.dense.relative_spread).toBeNull();
    const table = resultTable(report);
    expect(table).toMatch(/^dense +256 +75\.87 +– /m);
    expect(table).toMatch(/^25 % .* 79\.80 +– /m);
    expect(table).toContain('one window has no standard error');
    expect(resultTable((await job(new CannedEngine())).report)).not.toContain('no standard error');
  });

  it('prints a table that names text, windows and tokenizer', async () => {
    const { report } = await job(new CannedEngine(), '--sparsity', '0.25,0.5');
    const table = resultTable(report);
    expect(table).toContain(
      'evaluation.txt, the first 16 windows of 256 tokens, BOS once before the text (BPE, 4096 tokens)',
    );
    expect(table).toMatch(/^25 % +192 +tied +79\.80 +1\.6 +3\.66 M +7\.31 MB .* verified/m);
    expect(table).toMatch(/^50 % .*FAILED$/m);
    expect(table).toMatch(
      /^certificate 25 %: as good as f64, at the worst of \d+ sites?: Q off orthogonal by .* n·ulp/m,
    );
    expect(table).toMatch(
      /^memory +at most 123 MB of GPU memory .* were estimated\); page and Workers not told by this browser$/m,
    );
  });
});
