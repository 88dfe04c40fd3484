import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type {
  CommandKind,
  Commands,
  EngineEvent,
  ExportReport,
  RunReport,
  SlicegptOptions,
} from '../engine/protocol.ts';
import type { RunSummary } from '../engine/report.ts';
import { WhittleError } from '../errors/errors.ts';
import type { Driver } from './browser.ts';
import { resultTable } from './format.ts';
import { runJob } from './job.ts';
import type { JobObserver } from './job_types.ts';
import { parseOptions } from './options.ts';
import { progressOn } from './progress.ts';

const PROTOCOL = {
  seqlen: 256,
  samples: 16,
  eval_samples: 16,
  calibration: { name: 'calibration.txt', tokens: 42760 },
  evaluation: { name: 'evaluation.txt', tokens: 43117 },
  bos: 'first' as const,
  tokenizer: 'BPE, 4096 tokens',
};

const EVALUATING: EngineEvent = {
  type: 'progress',
  stage: 'evaluation',
  fraction: 1,
  step: 'perplexity',
  memory: { current_gpu_bytes: 1_000_000, peak_gpu_bytes: 99_000_000 },
};

const NO_PARTS = { embedding: 0, attention: 0, mlp: 0, shortcuts: 0, norms: 0, head: 0 };

/** An engine of canned answers; sparsity 0.5 fails verification, and `faults` are thrown at the n-th of a command. */
class CannedEngine implements Driver {
  readonly commands: string[] = [];
  readonly saved: string[] = [];
  tied = true;
  refusal?: string;
  verified = true;
  warnings: string[] = [];
  eval_samples = PROTOCOL.eval_samples;
  texts?: Record<string, unknown>;

  constructor(private readonly faults: Partial<Record<CommandKind, { at: number; error: Error }>> = {}) {}

  async run<K extends CommandKind>(
    kind: K,
    request: unknown,
    onEvent?: (event: EngineEvent) => void,
  ): Promise<Commands[K]['result']> {
    this.commands.push(kind);
    const fault = this.faults[kind];
    if (fault && this.commands.filter((name) => name === kind).length === fault.at) throw fault.error;
    if (kind === 'evaluate') onEvent?.(EVALUATING);
    return this.answer(kind, request as Record<string, unknown>) as Commands[K]['result'];
  }

  async save(_folder: string, file: { name: string }, path: string): Promise<void> {
    expect(path.endsWith(file.name)).toBe(true);
    this.saved.push(path);
  }

  private answer(kind: CommandKind, request: Record<string, unknown>): unknown {
    switch (kind) {
      case 'start':
        return {
          kind: 'webgpu',
          vendor: 'google',
          architecture: 'swiftshader',
          description: '',
          isFallbackAdapter: true,
          maxTensorBytes: 1 << 28,
        } satisfies Commands['start']['result'];
      case 'open':
        return {
          name: 'demo',
          fingerprint: 'f',
          architecture: 'LlamaForCausalLM',
          model_type: 'llama',
          norm: 'rms_norm',
          positions: 'rotary',
          parameters: 4_000_000,
          multiplications_per_token: 4_000_000,
          bytes: 8_000_000,
          dtype: 'F16',
          files: [],
          tokenizer: PROTOCOL.tokenizer,
          shape: {
            hidden_size: 256,
            intermediate_size: 704,
            num_hidden_layers: 4,
            query_size: 256,
            key_value_size: 128,
            vocab_size: 4096,
            tied: this.tied,
            parallel: false,
            gated: true,
            layer_norm: false,
            norm_bias: false,
            final_norm: { weight: true, bias: false },
            head_bias: false,
            position_rows: 0,
            embedding_norm: 0,
            head_norms: 0,
            attention_bias: { q: false, k: false, v: false, o: false },
            mlp_bias: { gate: false, up: false, down: false },
            bytes_per_element: 2,
            dense: NO_PARTS,
            ...(this.refusal && { slicing_refusal: this.refusal }),
          },
          num_attention_heads: 4,
          num_key_value_heads: 2,
          head_dim: 8,
          max_position_embeddings: 1024,
          tensors: [],
          warnings: this.warnings,
        } satisfies Commands['open']['result'];
      case 'set_texts':
        this.texts = request;
        return { ...PROTOCOL, eval_samples: this.eval_samples };
      case 'evaluate':
        return {
          target: String(request.target),
          perplexity: request.target === 'dense' ? 75.87 : 79.8,
          relative_spread: this.eval_samples > 1 ? 0.02 : null,
          tokens_per_second: 1234,
          tokens: 4080,
          window_losses: [],
          protocol: PROTOCOL,
        } satisfies Commands['evaluate']['result'];
      case 'generate':
        return {
          ...{ target: String(request.target), text: 'There.', tokens: [5, 6], prompt: 'Hi', prompt_tokens: 1 },
          ...{ stopped: 'end_token', tokens_per_second: 30, first_token_ms: 1 },
          sampling: { temperature: 0, top_k: 0, top_p: 1, seed: 0 },
        } satisfies Commands['generate']['result'];
      case 'compress':
        return sliced((request.steps as { options: SlicegptOptions }[])[0].options);
      case 'export':
        if ((request.options as ExportReport['options']).format === 'gguf') {
          throw new WhittleError({ code: 'bad_option', message: 'GGUF has no such family.' });
        }
        if (request.id === 's0.5') throw new WhittleError({ code: 'verification_failed', message: 'It differs.' });
        return {
          id: String(request.id),
          options: { ...(request.options as ExportReport['options']), external_data: 'auto' },
          folder: `exports/${request.id}`,
          files: [
            { name: 'model.onnx', bytes: 7, sha256: 'aa' },
            { name: 'report.json', bytes: 3, sha256: 'bb' },
          ],
          verified: this.verified,
          perplexity: 79.8,
          perplexity_in_app: 79.8,
          max_abs_logit_difference: 1e-4,
          runtimes: [],
          notes: [],
          duration_ms: { export: 1, verification: 1 },
        } satisfies ExportReport;
      case 'write_imatrix':
        return {
          folder: 'exports/dense.imatrix',
          file: { name: 'imatrix.gguf', bytes: 9, sha256: 'cc' },
          ...{ tensors: 28, tokens: 4096, duration_ms: 1 },
        } satisfies Commands['write_imatrix']['result'];
      case 'set_imatrix':
        return { name: 'mine.gguf', datasets: ['wiki'], tokens: 4096 } satisfies Commands['set_imatrix']['result'];
      case 'set_tasks':
        return [{ task: 'mine', form: 'piqa', examples: 5 }] satisfies Commands['set_tasks']['result'];
      case 'score':
        return {
          target: String(request.target),
          tasks: [
            {
              task: 'mine',
              form: 'piqa',
              examples: 5,
              acc: { value: 0.6, error: 0.2 },
              acc_norm: { value: 0.4, error: null },
            },
          ],
        } satisfies Commands['score']['result'];
      case 'memory':
        return { current_gpu_bytes: 0, peak_gpu_bytes: 123_000_000 };
      default:
        return null;
    }
  }
}

function sliced(options: SlicegptOptions): RunReport {
  const recipe = `slicegpt:sparsity=${options.sparsity}`;
  return {
    ...{ id: `s${options.sparsity}`, recipe, duration_ms: 1, parts: NO_PARTS },
    steps: [{ method: 'slicegpt', options: { ...options }, seconds: 1, units: [] }],
    ...{ parameters: 3_655_936, bytes: 7_311_872, stored_bytes: 7_311_872, bits_per_weight: 14.6 },
    multiplications_per_token: 3_655_936,
    file_bytes: { stored: 7_311_872, f32: 14_623_744, f16: 7_311_872, int8: 3_655_936, int4: 1_827_968 },
    bases: {
      ...{ options, head: 'tied', dimension: 192, sites: [], discarded_energy: [0.01, 0.03] },
      certificate: {
        max_orthogonality_error: 1e-6,
        max_residual: 2e-6,
        max_orthogonality_ulp: 0.01,
        max_residual_ulp: 0.01,
        max_kept_energy_loss: 1e-9,
        measured_losses: 1,
        sites: 1,
        deflated_sites: 0,
        min_rank: 16,
        overfull_sites: 0,
        verdict: 'as good as f64',
      },
    },
  };
}

const demo = { kind: 'demo' } as const;
const inputs = { model: demo, paths: [], calibration: demo, evaluation: demo };
const quiet = { onStep() {}, onEvent() {} };

function job(engine: Driver, ...argv: string[]) {
  return watchedJob(engine, quiet, ...argv);
}

function watchedJob(engine: Driver, observer: JobObserver, ...argv: string[]) {
  return runJob(parseOptions(['--model', 'demo', '--out', 'o', ...argv]), inputs, engine, observer);
}

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

  it('saves nothing that an engine hands over unverified', async () => {
    const engine = new CannedEngine();
    engine.verified = false;
    const { failures } = await job(engine, '--sparsity', '0.25');
    expect(failures).toMatchObject([{ sparsity: 0.25, error: { code: 'verification_failed' } }]);
    expect(engine.saved.filter((path) => path.endsWith('.onnx'))).toEqual([]);
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

describe('progress', () => {
  const event = {
    type: 'progress',
    stage: 'compression',
    fraction: 0.456,
    layer: 1,
    layers: 4,
    step: 'MLP covariance',
    tokens_per_second: 1900,
    eta_seconds: 42,
    memory: { current_gpu_bytes: 0, peak_gpu_bytes: 0 },
  } as const;

  it('rewrites one line on a terminal', () => {
    const written: string[] = [];
    const progress = progressOn({ isTTY: true, columns: 200, write: (text) => written.push(text) });
    progress.onStep('slice 25 %', 3, 3);
    progress.onEvent(event);
    expect(written.at(-1)).toBe(
      '\r\x1b[2K[3/3] slice 25 %: compressing 45 % · layer 2 of 4 · MLP covariance · 1.90 k tokens/s · 0:42 left',
    );
  });

  it('writes a line every few seconds elsewhere', () => {
    const written: string[] = [];
    let time = 0;
    const progress = progressOn({ write: (text) => written.push(text) }, () => time);
    for (time = 0; time < 12_000; time += 100) progress.onEvent(event);
    expect(written).toHaveLength(3);
  });
});
