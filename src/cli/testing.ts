/** @file Test support: an engine of canned answers behind the headless job. */
import { expect } from 'vitest';
import type {
  CommandKind,
  Commands,
  EngineEvent,
  ExportReport,
  RunReport,
  SlicegptOptions,
} from '../engine/protocol.ts';
import { NO_PARTS, PROTOCOL, SMALL_LLAMA } from '../engine/testing.ts';
import { WhittleError } from '../errors/errors.ts';
import type { Driver } from './browser.ts';
import { runJob } from './job.ts';
import type { JobObserver } from './job_types.ts';
import { parseOptions } from './options.ts';

const EVALUATING: EngineEvent = {
  type: 'progress',
  stage: 'evaluation',
  fraction: 1,
  step: 'perplexity',
  memory: { current_gpu_bytes: 1_000_000, peak_gpu_bytes: 99_000_000 },
};

/** An engine of canned answers; sparsity 0.5 fails verification, and `faults` are thrown at the n-th of a command. */
export class CannedEngine implements Driver {
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
          ...{ ...SMALL_LLAMA, name: 'demo', tokenizer: PROTOCOL.tokenizer, warnings: this.warnings },
          shape: { ...SMALL_LLAMA.shape, tied: this.tied, ...(this.refusal && { slicing_refusal: this.refusal }) },
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
        return {
          name: 'mine.gguf',
          datasets: ['wiki'],
          tokens: 4096,
          sha256: '1',
        } satisfies Commands['set_imatrix']['result'];
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
export const inputs = { model: demo, paths: [], calibration: demo, evaluation: demo };
export const quiet = { onStep() {}, onEvent() {} };

export function job(engine: Driver, ...argv: string[]) {
  return watchedJob(engine, quiet, ...argv);
}

export function watchedJob(engine: Driver, observer: JobObserver, ...argv: string[]) {
  return runJob(parseOptions(['--model', 'demo', '--out', 'o', ...argv]), inputs, engine, observer);
}
