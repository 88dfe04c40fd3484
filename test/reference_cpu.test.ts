/** The references on the CPU backend, the f64 one; a file of its own runs beside the WebGPU one. */
import { referenceSuite } from './support/reference_suite.ts';

// Every head, schedule and fusion; all sparsities of each are shown by the WebAssembly one, at a quarter of the time.
referenceSuite('stories260k', 'cpu', ({ name }, { sparsity }) =>
  (name === 'sequential' ? [0, 0.25, 0.5] : [0.25]).includes(sparsity),
);
referenceSuite('demo', 'cpu', ({ name }, { sparsity }) => sparsity === 0.25 && name === 'sequential');
referenceSuite('opt-tiny', 'cpu', (_, { sparsity }) => [0.2, 0.5].includes(sparsity));
