/** Rotary turns by vectors, where halves of heads are turned in shared memory, and as the twin has them elsewhere. */
import { afterAll, expect, it } from 'vitest';
import { createCpuBackend } from '../cpu/cpu_backend.ts';
import { normalisedError, randomValues } from '../testing.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const backends = [createWasmBackend(), createWasmBackend(await createNodeCrew(2))];
const reference = createCpuBackend();
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

it.each([4, 6, 12, 16, 20, 32])('turns %i pairs of each head, halves apart or side by side', async (half) => {
  const [seqlen, batch, heads, head_dim] = [13, 3, 5, 64];
  const shape = [batch * seqlen, heads * head_dim];
  for (const interleaved of [false, true]) {
    const turned = [...backends, reference].map((b) => {
      const states = b.fromArray(randomValues(shape[0] * shape[1], 21), shape, 'states');
      const [cos, sin] = [22, 23].map((seed) =>
        b.fromArray(randomValues(seqlen * half, seed), [seqlen, half], 'table'),
      );
      b.rotary({ states, cos, sin, seqlen, heads, head_dim, interleaved });
      return b.read(states);
    });
    const [own, shared, expected] = await Promise.all(turned);
    for (const found of [own, shared]) expect(normalisedError(found, expected)).toBeLessThan(1e-12);
    expect(shared).not.toEqual(new Float32Array(randomValues(shape[0] * shape[1], 21)));
  }
});
