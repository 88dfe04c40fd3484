/** The references on the CPU backend that people get: f32 with a PCA in f64; see reference_suite.ts for WHITTLE_FULL=1. */
import { referenceSuite } from './support/reference_suite.ts';

/** Every sparsity once, and of each other head, schedule and fusion the least and the most: what either does, it does in every pair. */
referenceSuite(
  'stories260k',
  'wasm',
  ({ name }, { sparsity }) =>
    name === 'sequential' || (name === 'official fusion' ? [0.1, 0.7] : [0, 0.5]).includes(sparsity),
);
// Heads and schedules are the same code for every model; the f64 backend shows this one's exact schedule.
referenceSuite(
  'demo',
  'wasm',
  ({ name }, { sparsity }) => sparsity === 0.25 && ['rotate-once', 'sliced head'].includes(name),
);
referenceSuite('opt-tiny', 'wasm', (_, { sparsity }) => [0.2, 0.5].includes(sparsity));
