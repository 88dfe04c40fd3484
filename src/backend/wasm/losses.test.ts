/** Losses, their gradients and that of a gate in f32 with vector exponentials, against the f64 twins; the same bits on two threads. */
import { describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../backend.ts';
import { createCpuBackend } from '../cpu/cpu_backend.ts';
import { floats } from '../cpu/tensor.ts';
import { normalisedError, randomValues } from '../testing.ts';
import { ACTIVATION_NAMES } from '../training_cases.ts';
import type { DivergenceKind } from '../training_kernels.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const ROWS = 5;
/** The first block crosses a chunk of the vector kernels, and neither ends on a whole vector. */
const BLOCKS = [4099, 62];
const BOUND = 1e-10;

/** Whether and how gradients are weighed: a row of weight 0 gets none. */
const HEADS = [{ factor: 1.5 }, { factor: 0.7, soft_cap: 6 }];
const KINDS: DivergenceKind[] = ['forward_kl', 'reverse_kl', 'jsd'];

/** Gradients by both blocks' logits, then the sums. */
function gradients(backend: Backend, kind: DivergenceKind | undefined, head: { factor: number; soft_cap?: number }) {
  const make = (n: number, seed: number) =>
    backend.fromArray(
      randomValues(ROWS * n, seed).map((value) => 5 * value),
      [ROWS, n],
      `seed ${seed}`,
    );
  const own = BLOCKS.map((n, i) => make(n, i + 1));
  const others = BLOCKS.map((n, i) => make(n, i + 3));
  const target_ids = backend.fromIds(Uint32Array.of(0, 4098, 4099, 4160, 7), 'targets');
  const weights = backend.fromArray([0.5, 0, 0.25, -1, 2], [ROWS], 'weights');
  const [state, teacher_state] = [backend.empty([ROWS, 4], 'state'), backend.empty([ROWS, 4], 'teacher_state')];
  const sums = backend.empty([ROWS, 2], 'sums');
  const first = (i: number) => (i === 0 ? 0 : BLOCKS[0]);
  const each = (work: (logits: Tensor, i: number) => void) => own.forEach(work);
  each((logits, i) => {
    backend.cross_entropy({ logits, target_ids, first_column: first(i), state });
    backend.cross_entropy({ logits: others[i], target_ids, first_column: first(i), state: teacher_state });
  });
  const known = { teacher_state, student_state: state, sums };
  if (kind) {
    each((student, i) => backend.divergence({ kind, beta: 0.3, teacher: others[i], student, ...known }));
    each((student, i) =>
      backend.divergence_backward({ kind, beta: 0.3, teacher: others[i], student, ...known, weights, ...head }),
    );
  } else {
    each((logits, i) =>
      backend.cross_entropy_backward({ logits, target_ids, first_column: first(i), state, weights, ...head }),
    );
  }
  return [...own, sums].map(floats);
}

describe.each(HEADS)('a head with $factor, $soft_cap', (head) => {
  it.each([undefined, ...KINDS])('%s', (kind) => {
    const exact = gradients(createCpuBackend(), kind, head);
    const found = gradients(createWasmBackend(), kind, head);
    for (const [i, values] of found.entries()) expect(normalisedError(values, exact[i])).toBeLessThan(BOUND);
  });
});

it.each(ACTIVATION_NAMES)('the gate %s', (activation) => {
  const outputs = [createCpuBackend(), createWasmBackend()].map((backend) => {
    const make = (seed: number, size: number) =>
      backend.fromArray(
        randomValues(4099, seed).map((value) => size * value),
        [1, 4099],
        `seed ${seed}`,
      );
    const [gate, up, grad_output] = [make(1, 30), make(2, 1), make(3, 1)];
    const [grad_gate, grad_up] = [backend.empty([1, 4099], 'grad_gate'), backend.empty([1, 4099], 'grad_up')];
    backend.glu_backward({ activation, gate, up, grad_output, grad_gate, grad_up });
    return [grad_gate, grad_up].map(floats);
  });
  for (const i of [0, 1]) expect(normalisedError(outputs[1][i], outputs[0][i])).toBeLessThan(BOUND);
});

it('gives the same bits on two threads', async () => {
  const backend = createWasmBackend(await createNodeCrew(1));
  try {
    for (const kind of [undefined, ...KINDS]) {
      const alone = gradients(createWasmBackend(), kind, HEADS[0]);
      expect(gradients(backend, kind, HEADS[0]).map((values) => Float32Array.from(values))).toEqual(alone);
    }
  } finally {
    backend.dispose();
  }
});
