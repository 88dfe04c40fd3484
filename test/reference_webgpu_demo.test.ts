/** The references of the built-in model on WebGPU; a file of its own, because files run beside each other. */
import { referenceSuite } from './support/reference_suite.ts';

referenceSuite(
  'demo',
  'webgpu',
  ({ name }, { sparsity }) => sparsity === 0.25 || (name === 'sequential' && sparsity === 0.5),
);
