/** The references on the CPU backend, the f64 one; a file of its own runs beside the WebGPU one. */
import { referenceSuite } from './support/reference_suite.ts';

referenceSuite('stories260k', 'cpu', () => true);
referenceSuite('demo', 'cpu', (_, { sparsity }) => sparsity === 0.25);
referenceSuite('opt-tiny', 'cpu', () => true);
