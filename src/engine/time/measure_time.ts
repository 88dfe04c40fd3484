/**
 * @file Command `measure_time`: how long measuring the open model and taking its spectra will take on this device, from one window
 * through the first layers and one small eigendecomposition that are really done.
 */
import { evaluate } from '../../runtime/perplexity.ts';
import type { MeasureTime } from '../protocol_reports.ts';
import type { EngineState } from '../state.ts';
import { firstLayers, firstWindows, secondsOf } from './trial.ts';

/** Eigendecompositions grow with the cube of their size; a larger one would be a job by itself. */
const MOST_TRIED = 512;
/** Summing the covariances of two sites beside a layer's products. */
const WITH_COVARIANCES = 1.4;

export async function measureTimeCommand(state: EngineState, signal: AbortSignal): Promise<MeasureTime> {
  const backend = state.requireBackend();
  const { model } = state.requireModel().open;
  const { evaluation, calibration } = state.requireTexts();
  const window = firstWindows(evaluation, 1);
  const layers = model.layers.length;
  const run = (count: number) => secondsOf(() => evaluate(backend, firstLayers(model, count), window, { signal }));
  // The first time compiles, and reads what is then cached.
  await run(1);
  const one = await run(1);
  const layer = layers > 1 ? Math.max(0, (await run(2)) - one) : one;
  const ends = Math.max(0, one - layer);
  const width = model.config.hidden_size;
  const basis = await eigenSeconds(state, width, signal);
  return {
    evaluation_s: evaluation.count * (ends + layers * layer),
    calibration_s: calibration.count * layers * layer * WITH_COVARIANCES + (2 * layers + 1) * basis,
  };
}

/** Of one site. */
async function eigenSeconds(state: EngineState, width: number, signal: AbortSignal): Promise<number> {
  const backend = state.requireBackend();
  const n = Math.min(width, MOST_TRIED);
  const covariance = backend.fromArray(spread(n), [n, n], 'trial');
  try {
    const seconds = await secondsOf(async () => {
      const { eigenvectors } = await backend.eigh({ covariance, signal });
      eigenvectors.dispose();
    });
    return seconds * (width / n) ** 3;
  } finally {
    covariance.dispose();
  }
}

/** Symmetric, with eigenvalues that fall as those of covariances do, and no structure that a solver could use. */
function spread(n: number): Float32Array {
  const values = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) values[i * n + j] = Math.cos(i * j) / (1 + i + j) + (i === j ? 1 / (1 + i) : 0);
  }
  return values;
}
