/** The references on WebGPU, the WGSL pipeline; see reference_suite.ts for what WHITTLE_FULL=1 adds. */
import { referenceSuite } from './support/reference_suite.ts';

/**
 * Each schedule, fusion and kind of head in one entry at least, in as few as show each with each other: what they ask of the kernels is
 * the same at every sparsity. The WebAssembly backend goes through all of them.
 */
const SHOWN: Readonly<Record<string, number>> = {
  'tied and sliced head': 0.5,
  'rotate-once': 0.25,
  'official fusion': 0.25,
};
referenceSuite('stories260k', 'webgpu', ({ name }, { sparsity }) => SHOWN[name] === sparsity);
referenceSuite('opt-tiny', 'webgpu', (_, { sparsity }) => sparsity === 0.2);
