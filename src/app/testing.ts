/** @file A scripted engine and small results, for tests of the store and the actions only. */
import { constantDimensions, sliceDimension, slicedParts, totalElements } from '../engine/plan.ts';
import type {
  CommandKind,
  Commands,
  EngineEvent,
  ExportReport,
  PerplexityReport,
  RunReport,
  SiteReport,
  SlicegptOptions,
} from '../engine/protocol.ts';
import { PROTOCOL, SMALL_LLAMA } from '../engine/testing.ts';
import { cancelled, type WhittleError } from '../errors/errors.ts';
import type { Run } from './store/results.ts';
import { createStudioStore } from './store/store.ts';
import { createStudio, type Engine, type Studio } from './studio.ts';

export const MODEL = SMALL_LLAMA;

export { PROTOCOL };

export function siteReport(site: number, eigenvalues: number[]): SiteReport {
  return {
    site,
    label: `site ${site}`,
    eigenvalues: Float64Array.from(eigenvalues),
    dimension: eigenvalues.length,
    discarded_energy: 0,
    certificate: {
      orthogonality_error: 0,
      residual: 0,
      orthogonality_ulp: 0,
      residual_ulp: 0,
      ulp: 2 ** -23,
      measured: 'exact',
      kept_energy: { loss: 0, kind: 'measured', dimension: 1 },
      rank: eigenvalues.length,
      deflated: 0,
      verdict: 'as good as f64',
      solver: 'test',
      sweeps: 1,
    },
  };
}

/** What `compress` answers where the recipe is one slicing. */
export function slicedReport(id: string, options: SlicegptOptions): RunReport {
  const dimension = sliceDimension(256, options.sparsity, options.round);
  const head = options.head === 'auto' ? 'tied' : options.head;
  const parts = slicedParts(MODEL.shape, constantDimensions(MODEL.shape, dimension, head), head);
  const parameters = totalElements(parts);
  return {
    id,
    recipe: `slicegpt:sparsity=${options.sparsity}`,
    steps: [{ method: 'slicegpt', options: { ...options }, seconds: 1, units: [] }],
    ...{ parameters, bytes: 2 * parameters, bits_per_weight: (16 * parameters) / MODEL.parameters },
    multiplications_per_token: parameters,
    stored_bytes: 2 * parameters,
    file_bytes: {
      stored: 2 * parameters,
      f16: 2 * parameters,
      f32: 4 * parameters,
      int8: parameters,
      int4: parameters / 2,
    },
    parts,
    bases: {
      ...{ options, head, dimension, sites: [], discarded_energy: [] },
      certificate: {
        max_orthogonality_error: 1e-7,
        max_residual: 1e-7,
        max_orthogonality_ulp: 0.01,
        max_residual_ulp: 0.01,
        max_kept_energy_loss: 1e-9,
        measured_losses: 1,
        sites: 1,
        deflated_sites: 0,
        min_rank: 256,
        overfull_sites: 0,
        verdict: 'as good as f64',
      },
    },
    duration_ms: 1,
  };
}

/** Options of the slicing that a `compress` request asks for; undefined where it asks for something else. */
export function slicingOf({ steps }: Commands['compress']['request']): SlicegptOptions | undefined {
  const [first] = steps;
  return steps.length === 1 && first.method === 'slicegpt' ? (first.options as unknown as SlicegptOptions) : undefined;
}

export function perplexityReport(target: string, perplexity: number): PerplexityReport {
  return {
    target,
    perplexity,
    relative_spread: 0.01,
    tokens_per_second: 100,
    tokens: 4096,
    window_losses: [],
    protocol: PROTOCOL,
  };
}

export function exportReport({ id, options }: Commands['export']['request']): ExportReport {
  return {
    id,
    options: { format: 'onnx', precision: 'stored', external_data: 'auto', ...options },
    folder: `exports/${id}`,
    files: [],
    verified: true,
    perplexity: 79.8,
    perplexity_in_app: 79.8,
    max_abs_logit_difference: 1e-5,
    runtimes: [],
    notes: [],
    duration_ms: { export: 1, verification: 1 },
  };
}

type Script = {
  [K in CommandKind]?: (
    request: Commands[K]['request'],
    emit: (event: EngineEvent) => void,
    signal: AbortSignal | undefined,
  ) => Promise<Commands[K]['result']> | Commands[K]['result'];
};

/** Answers commands by script and keeps the order they came in; like the engine, it runs one at a time. */
export class ScriptedEngine implements Engine {
  readonly commands: { kind: CommandKind; request: unknown }[] = [];
  running = 0;
  private slices = 0;

  constructor(private readonly script: Script = {}) {}

  readonly session = { id: 'session', engines: 1 };

  /** A scripted engine makes no requests. */
  onOutsideRequests(): () => void {
    return () => {};
  }

  private stopped?: (error: WhittleError) => void;

  onStopped(listener: (error: WhittleError) => void): () => void {
    this.stopped = listener;
    return () => {
      this.stopped = undefined;
    };
  }

  /** As when the Worker dies and another takes its place: what runs has to be failed by its script. */
  die(error: WhittleError): void {
    this.stopped?.(error);
  }

  async run<K extends CommandKind>(
    kind: K,
    request: Commands[K]['request'],
    options: { onEvent?(event: EngineEvent): void; signal?: AbortSignal } = {},
  ): Promise<Commands[K]['result']> {
    if (this.running > 0) throw new Error(`${kind} was sent while another command ran.`);
    this.running += 1;
    this.commands.push({ kind, request });
    const standard: Script = {
      open: () => MODEL,
      set_texts: () => PROTOCOL,
      evaluate: ({ target }) => perplexityReport(target, target === 'dense' ? 75.9 : 79.8),
      calibrate: ({ fusion }) => ({ fusion, sites: [siteReport(0, [3, 1])], duration_ms: 1 }),
      compress: (wanted) => slicedReport(`run-${++this.slices}`, slicingOf(wanted) as SlicegptOptions),
      discard: () => null,
      restore: () => ({ restored: [], lost: [], unfinished: null }),
    };
    try {
      const answer = this.script[kind] ?? standard[kind];
      if (!answer) throw new Error(`The script has no answer to ${kind}.`);
      await Promise.resolve();
      return await answer(request, (event) => options.onEvent?.(event), options.signal);
    } finally {
      this.running -= 1;
    }
  }

  kinds(): CommandKind[] {
    return this.commands.map((command) => command.kind);
  }
}

/** Waits, as a long command does, until it is cancelled. */
export function untilCancelled(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(cancelled())));
}

export function studioWith(script: Script = {}): { studio: Studio; engine: ScriptedEngine } {
  const engine = new ScriptedEngine(script);
  return { studio: createStudio(createStudioStore(), engine), engine };
}

/** A run of a recipe with the figures that the front places it by. */
export function recipeRun(id: string, figures: { bytes: number; perplexity: number; kl: number }): Run {
  const { bytes, perplexity, kl } = figures;
  const step = { options: {}, seconds: 1, units: [] };
  return {
    id,
    report: {
      id,
      recipe: 'embed; gptq:bits=4',
      steps: [
        { method: 'embed', ...step },
        { method: 'gptq', ...step },
      ],
      stored_bytes: bytes,
      file_bytes: { stored: bytes, f32: 2 * bytes, f16: bytes, int8: bytes, int4: bytes },
      bytes,
      parameters: MODEL.parameters,
      bits_per_weight: (8 * bytes) / MODEL.parameters,
      multiplications_per_token: MODEL.multiplications_per_token,
      parts: MODEL.shape.dense,
      duration_ms: 1,
    },
    perplexity: {
      ...perplexityReport(id, perplexity),
      divergence: {
        kl_divergence: kl,
        kl_error: kl / 10,
        kl_median: kl,
        kl_p99: kl,
        top1_agreement: 1 - kl,
        top1_error: 0.01,
        probability_change: { mean: -kl, rms: kl },
      },
    },
    protocol: PROTOCOL,
    exports: [],
  };
}
