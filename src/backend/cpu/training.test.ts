/** The f64 twins of the reverse pass by finite differences of their forward kernels: d(Σ weights ⊙ outputs)/dx. */
import { describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../backend.ts';
import { normalisedError, randomValues } from '../testing.ts';
import { ACTIVATION_NAMES, ATTENTION_CASES, attentionCall } from '../training_cases.ts';
import type { DivergenceKind } from '../training_kernels.ts';
import { createCpuBackend } from './cpu_backend.ts';
import { floats } from './tensor.ts';

const b: Backend = createCpuBackend();
const STEP = 1e-5;
/** Squared: central differences of O(1) functions in f64 are right to about 1e-9. */
const BOUND = 1e-15;

const random = (rows: number, columns: number, seed: number, size = 1) =>
  b.fromArray(
    randomValues(rows * columns, seed).map((value) => size * value),
    [rows, columns],
    `seed ${seed}`,
  );

function weighted(output: Tensor, weights: Tensor): number {
  const [y, w] = [floats(output), floats(weights)];
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += y[i] * w[i];
  return sum;
}

/** The gradient of `loss` by x, an element after the other. */
function differences(x: Tensor, loss: () => number): Float64Array {
  const values = floats(x);
  return Float64Array.from(values, (value, i) => {
    values[i] = value + STEP;
    const above = loss();
    values[i] = value - STEP;
    const below = loss();
    values[i] = value;
    return (above - below) / (2 * STEP);
  });
}

function expectGradient(found: Tensor, x: Tensor, loss: () => number): void {
  expect(normalisedError(floats(found), differences(x, loss))).toBeLessThan(BOUND);
}

describe('norms', () => {
  it.each(['rms_norm', 'layer_norm'] as const)('%s of rows and of heads, and of its weight', (kind) => {
    for (const width of [24, 8]) {
      const [hidden_states, grad_output] = [random(3, 24, 1), random(3, 24, 2)];
      const weight = random(1, width, 3);
      const output = b.empty([3, 24], 'output');
      const sizes = { eps: 1e-5, width, normalized_size: width + 3 };
      const loss = () => {
        if (kind === 'rms_norm') b.rms_norm({ hidden_states, weight, ...sizes, output });
        else b.layer_norm({ hidden_states, weight, eps: 1e-5, width, output });
        return weighted(output, grad_output);
      };
      const grad_input = b.empty([3, 24], 'grad_input');
      b[`${kind}_backward`]({ hidden_states, weight, ...sizes, grad_output, grad_input });
      expectGradient(grad_input, hidden_states, loss);
      const normed = b.empty([3, 24], 'normed');
      b[kind]({ hidden_states, ...sizes, output: normed });
      const grad_weight = b.empty([width], 'grad_weight');
      b.column_sums({ a: grad_output, b: normed, width, output: grad_weight });
      expectGradient(grad_weight, weight, loss);
    }
  });
});

describe('activations', () => {
  it.each(ACTIVATION_NAMES)('%s, gated and plain', (activation) => {
    const [gate, up, grad_output] = [random(4, 9, 1, 4), random(4, 9, 2), random(4, 9, 3)];
    const output = b.empty([4, 9], 'output');
    const loss = () => {
      b.glu({ activation, gate, up, output });
      return weighted(output, grad_output);
    };
    const [grad_gate, grad_up] = [b.empty([4, 9], 'grad_gate'), b.empty([4, 9], 'grad_up')];
    b.glu_backward({ activation, gate, up, grad_output, grad_gate, grad_up });
    expectGradient(grad_gate, gate, loss);
    expectGradient(grad_up, up, loss);
    b.activation_backward({ activation, hidden_states: gate, grad_output, grad_input: grad_gate });
    expectGradient(grad_gate, gate, () => {
      b.activation({ activation, hidden_states: gate, output });
      return weighted(output, grad_output);
    });
  });

  it('xIELU, and a clip', () => {
    const [hidden_states, grad_output] = [random(4, 9, 1, 3), random(4, 9, 3)];
    const output = b.empty([4, 9], 'output');
    const numbers = { alpha_p: 0.8, alpha_n: 1.1, beta: 0.5, eps: -1e-6 };
    const grad_input = b.empty([4, 9], 'grad_input');
    b.xielu_backward({ hidden_states, ...numbers, grad_output, grad_input });
    expectGradient(grad_input, hidden_states, () => {
      b.xielu({ hidden_states, ...numbers, output });
      return weighted(output, grad_output);
    });
    const clip = () => {
      b.copy(hidden_states, output);
      b.clip({ hidden_states: output, limit: 1 });
      return weighted(output, grad_output);
    };
    clip();
    b.copy(grad_output, grad_input);
    b.clip_backward({ clipped: output, gradient: grad_input, limit: 1 });
    expectGradient(grad_input, hidden_states, clip);
  });
});

describe('attention', () => {
  it.each(ATTENTION_CASES)('%o', (options) => {
    const call = attentionCall(b, {
      ...options,
      seqlen: Math.min(options.seqlen, 12),
      head_dim: 4,
      window: options.window && 5,
    });
    const { query, key, value, output } = call;
    const [rows, columns] = query.shape;
    const grad_output = random(rows, columns, 4);
    const loss = () => {
      b.attention(call);
      return weighted(output, grad_output);
    };
    loss();
    const [grad_query, grad_key, grad_value] = [query, key, value].map(({ shape }) => random(shape[0], shape[1], 5));
    b.attention_backward({ ...call, grad_output, grad_query, grad_key, grad_value });
    expectGradient(grad_value, value, loss);
    if (rows === 2) {
      // One key: its probability is 1 whatever the score.
      expect(Math.max(...floats(grad_query), ...floats(grad_key))).toBe(0);
      return;
    }
    expectGradient(grad_query, query, loss);
    expectGradient(grad_key, key, loss);
  });
});

describe('losses, over two blocks of the vocabulary', () => {
  const [rows, n] = [3, 7];
  const weights = random(1, rows, 9);
  const [target_ids, state, teacher_state] = [
    b.fromIds([2, 9, 13], 't'),
    b.empty([rows, 4], 's'),
    b.empty([rows, 4], 's'),
  ];
  const [factor, soft_cap] = [0.7, 4];
  const raw = [random(rows, n, 1, 6), random(rows, n, 2, 6)];
  const teacher = [random(rows, n, 3, 3), random(rows, n, 4, 3)];

  /** What a head makes of its product, into both states. */
  function logits(): Tensor[] {
    return raw.map((block, i) => {
      const copy = random(rows, n, 1);
      b.copy(block, copy);
      b.scale({ hidden_states: copy, factor });
      b.soft_cap({ hidden_states: copy, cap: soft_cap });
      b.cross_entropy({ logits: copy, target_ids, first_column: i * n, state });
      b.cross_entropy({ logits: teacher[i], target_ids, first_column: i * n, state: teacher_state });
      return copy;
    });
  }

  it('cross-entropy', () => {
    const loss = () => {
      logits();
      const s = floats(state);
      return [0, 1, 2].reduce(
        (sum, row) => sum + floats(weights)[row] * (Math.log(s[4 * row + 1]) + s[4 * row] - s[4 * row + 2]),
        0,
      );
    };
    const found = logits();
    for (const [i, block] of found.entries()) {
      b.cross_entropy_backward({ logits: block, target_ids, first_column: i * n, state, weights, factor, soft_cap });
    }
    for (const [i, block] of found.entries()) expectGradient(block, raw[i], loss);
  });

  it.each(['forward_kl', 'reverse_kl', 'jsd'] as DivergenceKind[])('%s, whose value is the definition', (kind) => {
    const beta = 0.3;
    const divergence = (): [Tensor[], Tensor] => {
      const student = logits();
      const sums = b.empty([rows, 2], 'sums');
      for (const [i, block] of student.entries()) {
        b.divergence({ kind, beta, teacher: teacher[i], student: block, teacher_state, student_state: state, sums });
      }
      return [student, sums];
    };
    const loss = () => {
      const [, sums] = divergence();
      return [0, 1, 2].reduce((sum, row) => sum + floats(weights)[row] * floats(sums)[2 * row], 0);
    };
    const [student, sums] = divergence();
    expect(floats(sums)[0]).toBeCloseTo(defined(kind, beta, student, 0), 12);
    student.forEach((block, i) => {
      const common = { kind, beta, teacher: teacher[i], student: block, teacher_state, student_state: state, sums };
      b.divergence_backward({ ...common, weights, factor, soft_cap });
    });
    for (const [i, block] of student.entries()) expectGradient(block, raw[i], loss);
  });

  function defined(kind: DivergenceKind, beta: number, student: Tensor[], row: number): number {
    const softmax = (blocks: Tensor[]) => {
      const all = blocks.flatMap((block) => [...floats(block).subarray(row * n, (row + 1) * n)]).map(Math.exp);
      const sum = all.reduce((a, x) => a + x, 0);
      return all.map((x) => x / sum);
    };
    const kl = (p: number[], q: number[]) => p.reduce((sum, x, i) => sum + x * Math.log(x / q[i]), 0);
    const [p, q] = [softmax(teacher), softmax(student)];
    if (kind === 'forward_kl') return kl(p, q);
    if (kind === 'reverse_kl') return kl(q, p);
    const m = p.map((x, i) => beta * x + (1 - beta) * q[i]);
    return beta * kl(p, m) + (1 - beta) * kl(q, m);
  }
});

describe('sums and steps', () => {
  it('scatter_add is the transpose of the embedding', () => {
    const [weight, grad_output] = [random(5, 4, 1), random(6, 4, 2)];
    const output = b.empty([6, 4], 'output');
    const tokens = [3, 0, 3, 1, 3, 0];
    const input_ids = b.fromIds(tokens, 'tokens');
    const gradient = b.empty([5, 4], 'gradient');
    const [order, starts, targets] = [
      [1, 5, 3, 0, 2, 4],
      [0, 2, 3, 6],
      [0, 1, 3],
    ].map((ids) => b.fromIds(ids, 'ids'));
    b.scatter_add({ hidden_states: grad_output, order, starts, targets, output: gradient });
    expectGradient(gradient, weight, () => {
      b.embedding({ input_ids, weight, first_row: 0, output });
      return weighted(output, grad_output);
    });
  });

  it('AdamW takes a first step of lr against the sign, whatever the gradient’s size, and decays apart from it', () => {
    const parameter = b.fromArray([1, 1, 1], [3], 'parameter');
    const gradient = b.fromArray([1e-3, -50, 0], [3], 'gradient');
    const [first_moment, second_moment] = [b.empty([3], 'm'), b.empty([3], 'v')];
    const rates = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-12, weight_decay: 0.5 };
    b.adamw({ parameter, gradient, first_moment, second_moment, ...rates, step: 1 });
    const values = floats(parameter);
    for (const [i, expected] of [0.85, 1.05, 0.95].entries()) expect(values[i]).toBeCloseTo(expected, 9);
  });
});
