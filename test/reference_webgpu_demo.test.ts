/** The reference of the built-in model on WebGPU; a file of its own, because files run beside each other. */
import { referenceSuite } from './support/reference_suite.ts';

// Half a minute of a software adapter: what the smaller models show at every schedule and fusion, this one shows as the demo makes it.
referenceSuite('demo', 'webgpu', ({ name }, { sparsity }) => sparsity === 0.25 && name === 'tied head');
