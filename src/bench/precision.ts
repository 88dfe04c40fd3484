/** @file What PCA on the device loses against exact f64 PCA of the same activations, and what the digits cost. */
import type { Backend, Tensor } from '../backend/backend.ts';
import { addProduct, transposed, view } from '../backend/linalg/gemm.ts';
import { keptEnergyLoss } from '../backend/linalg/kept_energy.ts';
import { ACTIVATIONS } from '../backend/matrix_families.ts';
import { principalBasis } from '../compress/slicegpt/principal_basis.ts';
import { siteCovariance } from '../compress/slicegpt/site_covariance.ts';
import { EMBEDDING_SITE } from '../compress/slicegpt/sites.ts';
import { type Arena, withArena } from '../runtime/arena.ts';
import { DeflatedGram, Gram } from '../statistics/gram.ts';
import type { PrecisionFigure } from './figures.ts';
import { medianMs } from './timing.ts';

const BATCH = 512;
/** Kept, as a share of n. */
const KEEP = 0.75;

export const ACTIVATION_NAMES: readonly string[] = ACTIVATIONS.map(({ name }) => name);

export async function benchPrecision(backend: Backend, n: number, name: string): Promise<PrecisionFigure> {
  const family = ACTIVATIONS.find((one) => one.name === name);
  if (!family) throw new RangeError(`There are no activations "${name}".`);
  const rows = BATCH * Math.ceil((2 * n) / BATCH);
  const x = family.build(n, rows);
  return withArena(backend, async (arena) => {
    const states = batches(arena, x, n, rows);
    const exact = exactCovariance(x, n, rows);
    const lossOf = async (Q: Tensor) => keptEnergyLoss(exact, await backend.read(Q), n, KEEP * n);

    const rounded = arena.empty([n, n], 'rounded');
    for (const hidden_states of states) backend.covariance({ hidden_states, covariance: rounded });
    const plain = await backend.eigh({ covariance: rounded });
    const plain_loss = await lossOf(arena.own(plain.eigenvectors));

    const sum = new Gram(arena, n);
    for (const part of states) sum.add(part);
    let sums = 1;
    const covariance = await siteCovariance(arena, sum, EMBEDDING_SITE, async (again) => {
      sums++;
      for (const part of states) again.add(part);
    });
    const { Q, report } = await principalBasis(
      arena,
      covariance,
      EMBEDDING_SITE,
      KEEP * n,
      new AbortController().signal,
    );
    return {
      name,
      n,
      plain_loss,
      loss: await lossOf(Q),
      sums,
      verdict: report.certificate.verdict,
      ...(await costs(arena, states[0], n)),
    };
  });
}

/** Milliseconds of adding one batch: rounded at every chunk, in pairs, and in pairs without four directions. */
async function costs(arena: Arena, hidden_states: Tensor, n: number) {
  const { backend } = arena;
  const covariance = arena.empty([n, n], 'rounded');
  const wait = () => backend.sync();
  const rounded_ms = await medianMs(() => backend.covariance({ hidden_states, covariance }), wait);
  const pairs = new Gram(arena, n);
  const pairs_ms = await medianMs(() => pairs.add(hidden_states), wait);
  const vectors = Float64Array.from({ length: 4 * n }, (_, i) => (i % 5 === 0 && i < 20 ? 1 : 0));
  const deflated = new DeflatedGram(arena, n, { values: Float64Array.of(4, 3, 2, 1), vectors, count: 4 });
  const deflated_ms = await medianMs(() => deflated.add(hidden_states), wait);
  return { rounded_ms, pairs_ms, deflated_ms };
}

function batches(arena: Arena, x: Float32Array, n: number, rows: number): Tensor[] {
  const count = rows / BATCH;
  return Array.from({ length: count }, (_, i) =>
    arena.own(arena.backend.fromArray(x.subarray(i * BATCH * n, (i + 1) * BATCH * n), [BATCH, n], 'states')),
  );
}

function exactCovariance(x: Float32Array, n: number, rows: number): Float64Array {
  const X = view(Float64Array.from(x), n);
  const H = new Float64Array(n * n);
  addProduct(n, n, rows, transposed(X), X, view(H, n));
  return H;
}
