/** @file Calls of every kernel of the reverse pass on seeded numbers, for tests: the f64 twins are checked by finite differences, the other backends against the twins. */
import type { ActivationName, AttentionArgs, Backend, Tensor } from './backend.ts';
import { randomIds, randomValues } from './testing.ts';
import type { DivergenceKind } from './training_kernels.ts';

/** A kernel's outputs from seeded inputs; all tensors are the backend's to free. */
export interface TrainingCase {
  name: string;
  /** WGSL files that run. */
  kernels: readonly string[];
  outputs(backend: Backend): Tensor[];
}

const random = (b: Backend, rows: number, columns: number, seed: number, size = 1) =>
  b.fromArray(
    randomValues(rows * columns, seed).map((value) => size * value),
    [rows, columns],
    `seed ${seed}`,
  );

export const ACTIVATION_NAMES: readonly ActivationName[] = ['silu', 'relu', 'gelu', 'gelu_tanh', 'relu2'];

export interface AttentionCase extends Pick<AttentionArgs, 'window' | 'soft_cap'> {
  seqlen: number;
  hasSlopes?: boolean;
  head_dim?: number;
}

export const ATTENTION_CASES: readonly AttentionCase[] = [
  { seqlen: 1 },
  { seqlen: 33, head_dim: 6 },
  { seqlen: 70 },
  { seqlen: 70, window: 9 },
  { seqlen: 70, soft_cap: 2 },
  { seqlen: 21, hasSlopes: true },
  { seqlen: 70, window: 20, soft_cap: 3, hasSlopes: true },
];

/** Two sequences; four query heads, two of keys and values. */
export function attentionCall(b: Backend, { seqlen, hasSlopes, head_dim = 8, ...options }: AttentionCase) {
  const [heads, kv_heads] = [4, 2];
  const rows = 2 * seqlen;
  const [wide, narrow] = [heads * head_dim, kv_heads * head_dim];
  return {
    query: random(b, rows, wide, 1),
    key: random(b, rows, narrow, 2),
    value: random(b, rows, narrow, 3),
    output: b.empty([rows, wide], 'output'),
    ...{ seqlen, heads, kv_heads, head_dim, scale: 1.5, ...options },
    ...(hasSlopes && { slopes: b.fromArray([0.5, 0.25, 0.125, 0.0625], [heads], 'slopes') }),
  };
}

function attentionCases(): TrainingCase[] {
  // Of one key the gradients by scores are 0, of which there is no relative error.
  return ATTENTION_CASES.filter(({ seqlen }) => seqlen > 1).map((options) => ({
    name: `attention_backward ${JSON.stringify(options)}`,
    kernels: ['attention_statistics', 'attention_backward_query', 'attention_backward_key'],
    outputs(b) {
      const call = attentionCall(b, options);
      b.attention(call);
      const { query, key } = call;
      const grad_output = random(b, query.shape[0], query.shape[1], 4);
      const [grad_query, grad_key, grad_value] = [query, key, key].map(({ shape }) => random(b, shape[0], shape[1], 5));
      b.attention_backward({ ...call, grad_output, grad_query, grad_key, grad_value });
      return [grad_query, grad_key, grad_value];
    },
  }));
}

function normCases(): TrainingCase[] {
  const cases: TrainingCase[] = [];
  for (const [rows, d, width] of [
    [1, 3, 3],
    [7, 13, 13],
    [70, 200, 200],
    [5, 24, 8],
  ]) {
    for (const isPlain of [false, true]) {
      const common = (b: Backend) => ({
        hidden_states: random(b, rows, d, 1),
        weight: isPlain ? undefined : b.fromArray(randomValues(width, 2), [width], 'weight'),
        ...{ eps: 1e-5, width, accumulate: isPlain },
        grad_output: random(b, rows, d, 3),
        grad_input: random(b, rows, d, 4),
      });
      const label = `(${rows}, ${d}) by ${width}${isPlain ? ' without weight, added' : ''}`;
      cases.push({
        name: `rms_norm_backward ${label}`,
        kernels: ['rms_norm_backward'],
        outputs(b) {
          const args = { ...common(b), normalized_size: width + 5 };
          b.rms_norm_backward(args);
          return [args.grad_input];
        },
      });
      cases.push({
        name: `layer_norm_backward ${label}`,
        kernels: ['layer_norm_backward'],
        outputs(b) {
          const args = common(b);
          b.layer_norm_backward(args);
          return [args.grad_input];
        },
      });
    }
  }
  return cases;
}

function activationCases(): TrainingCase[] {
  return ACTIVATION_NAMES.flatMap((activation): TrainingCase[] => [
    {
      name: `glu_backward ${activation}`,
      kernels: ['glu_backward'],
      outputs(b) {
        const [grad_gate, grad_up] = [b.empty([37, 61], 'grad_gate'), b.empty([37, 61], 'grad_up')];
        const [gate, up, grad_output] = [random(b, 37, 61, 1, 6), random(b, 37, 61, 2), random(b, 37, 61, 3)];
        b.glu_backward({ activation, gate, up, grad_output, grad_gate, grad_up });
        return [grad_gate, grad_up];
      },
    },
    {
      name: `activation_backward ${activation}`,
      kernels: ['activation_backward'],
      outputs(b) {
        const grad_input = b.empty([37, 61], 'grad_input');
        const [hidden_states, grad_output] = [random(b, 37, 61, 1, 30), random(b, 37, 61, 3)];
        b.activation_backward({ activation, hidden_states, grad_output, grad_input });
        return [grad_input];
      },
    },
  ]);
}

/** Two blocks of the vocabulary; the logits of the second are what counts. */
export function headStates(b: Backend, rows: number, n: number, seed: number) {
  const target_ids = b.fromIds(randomIds(rows, 2 * n, 12), 'targets');
  const state = b.empty([rows, 4], 'state');
  const logits = [0, 1].map((i) => random(b, rows, n, seed + i, 6));
  for (const [i, block] of logits.entries()) {
    b.cross_entropy({ logits: block, target_ids, first_column: i * n, state });
  }
  return { target_ids, state, logits };
}

function lossCases(): TrainingCase[] {
  const [rows, n] = [19, 45];
  const weights = (b: Backend) => b.fromArray(randomValues(rows, 20), [rows], 'weights');
  const kinds: DivergenceKind[] = ['forward_kl', 'reverse_kl', 'jsd'];
  return [
    ...[undefined, 9].map((soft_cap) => ({
      name: `cross_entropy_backward, soft cap ${soft_cap}`,
      kernels: ['cross_entropy_backward'],
      outputs(b: Backend) {
        const { target_ids, state, logits } = headStates(b, rows, n, 30);
        const rest = { state, weights: weights(b), factor: 0.7, soft_cap };
        logits.forEach((block, i) => {
          b.cross_entropy_backward({ logits: block, target_ids, first_column: i * n, ...rest });
        });
        return logits;
      },
    })),
    ...kinds.map((kind) => ({
      name: `divergence and divergence_backward, ${kind}`,
      kernels: ['divergence', 'divergence_backward'],
      outputs(b: Backend) {
        const [teacher, student] = [headStates(b, rows, n, 40), headStates(b, rows, n, 50)];
        const sums = b.empty([rows, 2], 'sums');
        const common = { kind, beta: 0.3, teacher_state: teacher.state, student_state: student.state, sums };
        const blocks = [0, 1].map((i) => ({ teacher: teacher.logits[i], student: student.logits[i] }));
        for (const block of blocks) b.divergence({ ...common, ...block });
        for (const block of blocks) {
          b.divergence_backward({ ...common, ...block, weights: weights(b), factor: 0.7, soft_cap: 9 });
        }
        return [sums, ...student.logits];
      },
    })),
  ];
}

function otherCases(): TrainingCase[] {
  return [
    {
      name: 'xielu_backward',
      kernels: ['xielu_backward'],
      outputs(b) {
        const grad_input = b.empty([37, 61], 'grad_input');
        const numbers = { alpha_p: 0.8, alpha_n: 1.1, beta: 0.5, eps: -1e-6 };
        b.xielu_backward({
          ...{ hidden_states: random(b, 37, 61, 1, 5), ...numbers, grad_output: random(b, 37, 61, 3), grad_input },
        });
        return [grad_input];
      },
    },
    {
      name: 'clip_backward',
      kernels: ['clip_backward'],
      outputs(b) {
        const [clipped, gradient] = [random(b, 37, 61, 1), random(b, 37, 61, 2)];
        b.clip({ hidden_states: clipped, limit: 0.4 });
        b.clip_backward({ clipped, gradient, limit: 0.4 });
        return [gradient];
      },
    },
    ...[false, true].map((isProduct) => ({
      name: `column_sums${isProduct ? ' of a product, by heads' : ''}`,
      kernels: ['column_sums'],
      outputs(b: Backend) {
        const [a, other] = [random(b, 67, 24, 1), random(b, 67, 24, 2)];
        const output = b.fromArray(randomValues(isProduct ? 8 : 24, 3), [isProduct ? 8 : 24], 'output');
        b.column_sums({ a, ...(isProduct && { b: other, width: 8 }), output });
        return [output];
      },
    })),
    {
      name: 'scatter_add',
      kernels: ['scatter_add'],
      outputs(b) {
        const output = random(b, 5, 11, 2);
        const [order, starts, targets] = [
          [3, 0, 5, 1],
          [0, 1, 3, 4],
          [4, 0, 2],
        ].map((ids) => b.fromIds(ids, 'ids'));
        b.scatter_add({ hidden_states: random(b, 7, 11, 1), order, starts, targets, output });
        return [output];
      },
    },
    {
      name: 'adamw',
      kernels: ['adamw'],
      outputs(b) {
        const parameter = random(b, 9, 31, 1);
        const [first_moment, second_moment] = [b.empty([9, 31], 'first'), b.empty([9, 31], 'second')];
        for (let step = 1; step <= 3; step++) {
          const gradient = random(b, 9, 31, 10 + step);
          const rates = { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.1, gradient_scale: 0.5 };
          b.adamw({ parameter, gradient, first_moment, second_moment, ...rates, step });
        }
        return [parameter, first_moment, second_moment];
      },
    },
  ];
}

export const TRAINING_CASES: readonly TrainingCase[] = [
  ...normCases(),
  ...activationCases(),
  ...attentionCases(),
  ...lossCases(),
  ...otherCases(),
];
