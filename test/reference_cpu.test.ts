/** The references on the CPU backend, the f64 one; a file of its own runs beside the WebGPU one. */
import { referenceSuite } from './support/reference_suite.ts';

// The smallest model shows every head, schedule and fusion at every sparsity; the others what is theirs.
referenceSuite('stories260k', 'cpu', () => true);
referenceSuite(
  'demo',
  'cpu',
  ({ name }, { sparsity }) => sparsity === 0.25 && ['sequential', 'rotate-once', 'sliced head'].includes(name),
);
referenceSuite('opt-tiny', 'cpu', (_, { sparsity }) => [0.2, 0.5].includes(sparsity));
