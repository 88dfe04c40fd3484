/** The references on WebGPU, the WGSL pipeline; see reference_suite.ts for what WHITTLE_FULL=1 adds. */
import { referenceSuite } from './support/reference_suite.ts';

const HEADS = ['tied head', 'sliced head', 'tied and sliced head'];

// A head changes only the two ends of a model: two sparsities each show that, the rest is the sequential group's.
referenceSuite(
  'stories260k',
  'webgpu',
  ({ name }, { sparsity }) => !HEADS.includes(name) || [0.25, 0.5].includes(sparsity),
);
referenceSuite('opt-tiny', 'webgpu', (_, { sparsity }) => [0.2, 0.5].includes(sparsity));
