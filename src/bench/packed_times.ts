/** @file Products with matrices that stay packed, each beside the same product in f32, in one Worker and in turn. */
import type { Backend, Tensor } from '../backend/backend.ts';
import { randomNumbers } from '../backend/matrix_families.ts';
import { type MatmulShape, PACKED_FORMS, type PackedForm } from './figures.ts';
import type { PackedTimes } from './page_protocol.ts';

/** A token meets each weight once, from memory: so many bytes of f32 lie between two uses of a matrix. */
const COLD_BYTES = 2 ** 25;
const GROUP = 32;
const LEAST_ROUNDS = 3;
const BUDGET_MS = 2000;
/** One measurement lasts at least this long. */
const LEAST_MS = 5;

/** Milliseconds of a product in each form: the best of some rounds, since what else a machine does can only make it slower. */
export async function packedTimes(
  backend: Backend,
  { m, k, n }: MatmulShape,
  budgetMs = BUDGET_MS,
): Promise<PackedTimes> {
  const uniform = randomNumbers(m + k + n);
  const floats = (count: number) => Float32Array.from({ length: count }, () => uniform() - 0.5);
  const a = backend.fromArray(floats(m * k), [m, k], 'a');
  const output = backend.empty([m, n], 'product');
  const copies = m === 1 ? Math.ceil(COLD_BYTES / (4 * n * k)) : 1;
  const held: Tensor[] = [a, output];
  const work = new Map<PackedForm | 'f32', () => void>();
  const add = (form: PackedForm | 'f32', make: () => Tensor | undefined) => {
    const matrices = Array.from({ length: copies }, make).filter((tensor) => tensor !== undefined);
    held.push(...matrices);
    if (matrices.length < copies) return;
    work.set(form, () => {
      for (const b of matrices) backend.matmul_bt({ a, b, output });
    });
  };
  try {
    const numbers = floats(n * k);
    add('f32', () => backend.fromArray(numbers, [n, k], 'f32'));
    for (const form of PACKED_FORMS) add(form, () => packedMatrix(backend, form, n, k, uniform));
    const best = await inTurn([...work.values()], budgetMs);
    const ms = Object.fromEntries([...work.keys()].map((form, i) => [form, best[i] / copies]));
    return ms as PackedTimes;
  } finally {
    for (const tensor of held) tensor.dispose();
  }
}

/** Which numbers stand there does not matter to the time. */
function packedMatrix(backend: Backend, form: PackedForm, rows: number, columns: number, uniform: () => number) {
  const bytes = (count: number) => Uint8Array.from({ length: Math.ceil(count) }, () => 256 * uniform());
  const halves = (count: number) => new Uint8Array(new Uint16Array(count).fill(0x2000).buffer);
  if (form === '2:4') {
    const values = halves((rows * columns) / 2);
    const places = new Uint8Array((rows * columns) / 8).fill(0b11011000);
    return backend.packSparse?.({ rows, columns, floats: 'F16', values, places }, form);
  }
  const bits = Number(form.slice(3)) as 2 | 3 | 4 | 8;
  const groups = rows * Math.ceil(columns / GROUP);
  return backend.pack?.(
    {
      ...{ rows, columns, bits, group: GROUP, zero: 'integer', scale: 'F16' },
      ...{ codes: bytes((rows * columns * bits) / 8), scales: halves(groups), zeros: bytes((groups * bits) / 8) },
    },
    form,
  );
}

/** Kernels of the CPU run at the call. */
async function inTurn(work: readonly (() => void)[], budgetMs: number): Promise<number[]> {
  const timed = (run: () => void, calls: number) => {
    const started = performance.now();
    for (let call = 0; call < calls; call++) run();
    return (performance.now() - started) / calls;
  };
  for (const run of work) timed(run, 2);
  const calls = work.map((run) => Math.max(1, Math.ceil(LEAST_MS / Math.max(0.01, timed(run, 1)))));
  const best = work.map(() => Number.POSITIVE_INFINITY);
  const started = performance.now();
  for (let round = 0; round < LEAST_ROUNDS || performance.now() - started < budgetMs; round++) {
    work.forEach((run, i) => {
      best[i] = Math.min(best[i], timed(run, calls[i]));
    });
  }
  return best;
}
