/** The references of the built-in model on WebGPU; a file of its own, because files run beside each other. */
import { referenceSuite } from './support/reference_suite.ts';

// Half a minute each in software: what the smaller models show at every head and fusion, this one shows where the demo stands.
referenceSuite(
  'demo',
  'webgpu',
  ({ name }, { sparsity }) => sparsity === 0.25 && ['rotate-once', 'tied head'].includes(name),
);
