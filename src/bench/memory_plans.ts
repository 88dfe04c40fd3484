/** @file What jobs on a GPU are planned to need, from the shapes of well-known models alone. Pure. */
import { emptyParts, type ModelShape, totalElements } from '../compress/slicegpt/parts.ts';
import type { Schedule } from '../compress/slicegpt/plan.ts';
import { estimateJob } from '../engine/memory_plan.ts';
import { constantDimensions, resolveHead, sliceDimension } from '../engine/plan.ts';
import type { PlannedFigure } from './figures.ts';

export interface LlamaSizes {
  vocabulary: number;
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  kvHeads: number;
  tied: boolean;
}

/** A model of the Llama family, stored in two bytes an element. */
export function llamaShape({ vocabulary, hidden, intermediate, layers, heads, kvHeads, tied }: LlamaSizes): ModelShape {
  const head_dim = hidden / heads;
  const [query_size, key_value_size] = [heads * head_dim, kvHeads * head_dim];
  return {
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    ...{ query_size, key_value_size, head_dim },
    vocab_size: vocabulary,
    tied,
    parallel: false,
    gated: true,
    attention_bias: { q: false, k: false, v: false, o: false },
    mlp_bias: { gate: false, up: false, down: false },
    layer_norm: false,
    norm_bias: false,
    final_norm: { weight: true, bias: false },
    head_bias: false,
    position_rows: 0,
    embedding_norm: 0,
    head_norms: 0,
    bytes_per_element: 2,
    dense: {
      ...emptyParts(),
      embedding: vocabulary * hidden,
      attention: layers * 2 * hidden * (query_size + key_value_size),
      mlp: layers * 3 * hidden * intermediate,
      norms: (2 * layers + 1) * hidden,
      head: tied ? 0 : vocabulary * hidden,
    },
  };
}

export const SMOLLM2 = 'SmolLM2-135M';
export const LLAMA_7B = 'Llama-2-7B';
export const TINY_LLAMA = 'TinyLlama-1.1B';

export const SIZES: Record<string, LlamaSizes> = {
  [SMOLLM2]: { vocabulary: 49152, hidden: 576, intermediate: 1536, layers: 30, heads: 9, kvHeads: 3, tied: true },
  [TINY_LLAMA]: {
    ...{ vocabulary: 32000, hidden: 2048, intermediate: 5632, layers: 22, heads: 32, kvHeads: 4, tied: false },
  },
  [LLAMA_7B]: { vocabulary: 32000, hidden: 4096, intermediate: 11008, layers: 32, heads: 32, kvHeads: 32, tied: false },
};

/** The headless command's windows, and those of the official code. */
export const DEFAULT_WINDOWS = { seqlen: 256, samples: 16, eval_samples: 16 };
export const OFFICIAL_WINDOWS = { seqlen: 2048, samples: 128, eval_samples: 16 };

/** A GPU that binds as much as any browser lets it. */
const GPU = { kind: 'webgpu', architecture: '', isFallbackAdapter: false, maxTensorBytes: 2 ** 31 } as const;

export function planned(model: string, windows: typeof DEFAULT_WINDOWS, schedule: Schedule): PlannedFigure {
  const shape = llamaShape(SIZES[model]);
  const head = resolveHead('auto', shape);
  const dimensions = constantDimensions(shape, sliceDimension(shape.hidden_size, 0.25, 8), head);
  const job = estimateJob({ shape, backend: GPU, windows, slices: [{ schedule, head, dimensions }] });
  const parameters = totalElements(shape.dense);
  return {
    model,
    parameters,
    f32_bytes: 4 * parameters,
    samples: windows.samples,
    seqlen: windows.seqlen,
    schedule,
    step: job.step,
    planned_gpu_bytes: job.device_bytes,
    share_of_f32: job.device_bytes / (4 * parameters),
    breakdown: { ...job.breakdown },
  };
}

export function memoryPlans(): PlannedFigure[] {
  return [
    planned(SMOLLM2, DEFAULT_WINDOWS, 'sequential'),
    planned(SMOLLM2, DEFAULT_WINDOWS, 'rotate-once'),
    planned(SMOLLM2, OFFICIAL_WINDOWS, 'sequential'),
    planned(LLAMA_7B, OFFICIAL_WINDOWS, 'sequential'),
    planned(LLAMA_7B, OFFICIAL_WINDOWS, 'rotate-once'),
  ];
}
