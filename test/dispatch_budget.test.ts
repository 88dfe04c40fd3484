/** No dispatch of a model of Llama-2-7B's size is longer than a display driver is patient: from shapes alone. */
import { beforeEach, describe, expect, it } from 'vitest';
import { GpuTensor } from '../src/backend/webgpu/buffers.ts';
import type { GpuContext } from '../src/backend/webgpu/context.ts';
import type { KernelDefinition } from '../src/backend/webgpu/kernel.ts';
import { jacobiRowsKernel } from '../src/backend/webgpu/kernels/jacobi_rows.ts';
import { jacobiSolveKernel } from '../src/backend/webgpu/kernels/jacobi_solve.ts';
import { tridiagonalColumnKernel } from '../src/backend/webgpu/kernels/tridiagonal_column.ts';
import { tridiagonalFinishKernel } from '../src/backend/webgpu/kernels/tridiagonal_finish.ts';
import { tridiagonalLoadKernel } from '../src/backend/webgpu/kernels/tridiagonal_load.ts';
import { tridiagonalProductKernel } from '../src/backend/webgpu/kernels/tridiagonal_product.ts';
import { tridiagonalProjectKernel } from '../src/backend/webgpu/kernels/tridiagonal_project.ts';
import { tridiagonalReduceKernel } from '../src/backend/webgpu/kernels/tridiagonal_reduce.ts';
import { tridiagonalUpdateKernel } from '../src/backend/webgpu/kernels/tridiagonal_update.ts';
import { DEFAULT_VARIANT } from '../src/backend/webgpu/matmul_variants.ts';
import { WebGpuBackend } from '../src/backend/webgpu/webgpu_backend.ts';
import { WorkBudget } from '../src/backend/webgpu/work_budget.ts';
import { Arena } from '../src/runtime/arena.ts';
import { vocabularyBlockRows } from '../src/runtime/budgets.ts';
import { attentionBlock, mlpBlock } from '../src/runtime/forward.ts';
import type { DeviceAttention, DeviceMlp } from '../src/runtime/weights.ts';
import type { Shape } from '../src/tensor/shape.ts';

const [V, D, F, HEADS, HEAD_DIM] = [32000, 4096, 11008, 32, 128];
/** One that no rate was measured on. */
const budget = new WorkBudget(false);

const works = new Map<string, number[]>();
beforeEach(() => works.clear());

/** Records the work of each dispatch in place of running it; its tensors have shapes and no memory. */
function recordingBackend(): WebGpuBackend {
  const tensor = (shape: Shape, type: 'f32' | 'u32', label: string) =>
    new GpuTensor({ size: 0 } as GPUBuffer, 1, shape, type, label, () => {});
  const dispatch: GpuContext['dispatch'] = ({ name, work }, _, params, overrides) => {
    works.set(name, [...(works.get(name) ?? []), work?.(params, overrides) ?? 0]);
  };
  const hardware = { isFallbackAdapter: false, prefersWideTiles: false, matmulVariant: DEFAULT_VARIANT };
  const context = { ...hardware, budget, tensor, dispatch, summation: 'integer', upload: () => {}, retire: () => {} };
  const info = { kind: 'webgpu', isFallbackAdapter: false, maxTensorBytes: 2 ** 31 };
  return Object.assign(Object.create(WebGpuBackend.prototype) as WebGpuBackend, { context, info, memory: {} });
}

/** Most work of one dispatch; throws where none was recorded. */
function longest(name: string): number {
  const found = works.get(name);
  if (!found) throw new Error(`${name} was not dispatched`);
  return Math.max(...found);
}

function sum(name: string): number {
  return (works.get(name) ?? []).reduce((a, b) => a + b, 0);
}

function expectWithinBudget(): void {
  for (const name of works.keys()) expect(longest(name), name).toBeLessThanOrEqual(budget.perDispatch);
}

function runLayer(batch: number, seqlen: number, head_dim: number, window?: number, width = D): void {
  const backend = recordingBackend();
  const arena = new Arena(backend);
  const of = (rows: number, columns: number) => arena.empty([rows, columns], 'weight');
  const linear = (rows: number, columns: number) => ({ weight: of(rows, columns) });
  const norm = { kind: 'rms_norm', eps: 1e-5, normalized_size: D } as const;
  const half = { cos: of(seqlen, head_dim / 2), sin: of(seqlen, head_dim / 2), interleaved: false };
  const q = HEADS * head_dim;
  const attention = {
    ...{ input_layernorm: norm, q_proj: linear(q, width), k_proj: linear(q, width), v_proj: linear(q, width) },
    ...{ o_proj: linear(width, q), attn_shortcut_Q: of(width, width) },
  } as unknown as DeviceAttention;
  const mlp = {
    ...{ post_attention_layernorm: norm, gate_proj: linear(F, width), up_proj: linear(F, width) },
    ...{ down_proj: linear(width, F), mlp_shortcut_Q: of(width, width) },
  } as unknown as DeviceMlp;
  const spec = {
    ...{ num_attention_heads: HEADS, num_key_value_heads: HEADS, head_dim, scale: head_dim ** -0.5 },
    sliding_window: window,
  };
  const x = of(batch * seqlen, width);
  const tap = (_: string, hidden_states: unknown) => {
    if ((hidden_states as GpuTensor).shape[1] !== width) return;
    const covariance = of(width, width);
    backend.covariance({ hidden_states: hidden_states as GpuTensor, covariance, low: of(width, width) });
  };
  const isVec4 = width % 4 === 0;
  const h = attentionBlock(arena, spec as never, attention, half, seqlen, x, isVec4 ? tap : undefined);
  mlpBlock(arena, { activation: 'silu' } as never, mlp, seqlen, h, isVec4 ? tap : undefined);
}

describe('no dispatch of a layer of 7 billion parameters exceeds the budget', () => {
  it.each([
    ['a batch of one window', 1, 2048],
    ['a batch of short windows', 8, 256],
    ['a long window', 1, 8192],
  ])('%s: %i × %i tokens', (_, batch, seqlen) => {
    runLayer(batch, seqlen, HEAD_DIM);
    expectWithinBudget();
    const keys = (seqlen * (seqlen + 1)) / 2;
    expect(sum('attention')).toBe(4 * 2 * HEAD_DIM * HEADS * batch * keys);
    expect(sum('matmul_bt')).toBe(batch * seqlen * D * (4 * D + 3 * F));
    expect(longest('covariance')).toBeGreaterThan(0);
  });

  it('with sliding windows, and with heads and dimensions that are no multiples of 4', () => {
    runLayer(1, 8192, HEAD_DIM, 1024);
    runLayer(1, 4096, 126);
    runLayer(1, 2048, HEAD_DIM, undefined, 3071);
    expectWithinBudget();
    expect(longest('attention_any')).toBeGreaterThan(0);
    expect(longest('matmul_bt_any')).toBeGreaterThan(0);
  });

  it('nor one of the head, however long the windows are', () => {
    const backend = recordingBackend();
    for (const rows of [256, 2048, 8192]) {
      const n = vocabularyBlockRows(V, D, rows, 2 ** 31);
      const logits = backend.empty([rows, n], 'logits');
      backend.matmul_bt({ a: backend.empty([rows, D], 'h'), b: backend.empty([n, D], 'head'), output: logits });
      const ids = backend.emptyIds(rows, 'target_ids');
      backend.cross_entropy({ logits, target_ids: ids, first_column: 0, state: backend.empty([rows, 4], 'state') });
    }
    expectWithinBudget();
  });

  it('nor one of its eigensolver', () => {
    const size = D;
    const column = { size, column: 0, done: 32 };
    const update = { size, first_row: 0, first_column: 0 };
    const project = { m: D, n: 128, rows: D, first: 0 };
    const kernels: [{ definition: unknown }, Record<string, number>][] = [
      [tridiagonalLoadKernel, { n: D, size }],
      [tridiagonalColumnKernel, column],
      [tridiagonalProductKernel, column],
      [tridiagonalReduceKernel, column],
      [tridiagonalUpdateKernel, { ...update, is_upper: 1, k_count: 64 }],
      [tridiagonalUpdateKernel, { ...update, is_upper: 0, k_count: 128 }],
      [tridiagonalProjectKernel, project],
      [tridiagonalFinishKernel, { n: D, size }],
      [jacobiSolveKernel, { size, inner_sweeps: 4 }],
      [jacobiRowsKernel, { size, turn_pass: 0 }],
    ];
    for (const [kernel, params] of kernels) {
      const { name, work, overrides } = kernel.definition as KernelDefinition;
      works.set(name, [...(works.get(name) ?? []), work?.(params, overrides) ?? Number.POSITIVE_INFINITY]);
    }
    expectWithinBudget();
  });
});
