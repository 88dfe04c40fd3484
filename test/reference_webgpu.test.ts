/** The references on WebGPU, the WGSL pipeline; see reference_suite.ts for what WHITTLE_FULL=1 adds. */
import { referenceSuite } from './support/reference_suite.ts';

/** Where others show the same kernels: the head that is tied and sliced has those of both, and the built-in model shows a tied one. */
const SHOWN_ELSEWHERE = ['tied head', 'sliced head'];

/** One sparsity shows what a schedule, a head or a fusion asks of the kernels; the WebAssembly backend goes through all of them. */
referenceSuite('stories260k', 'webgpu', ({ name }, { sparsity }) =>
  (name === 'sequential' ? [0.25, 0.5] : SHOWN_ELSEWHERE.includes(name) ? [] : [0.25]).includes(sparsity),
);
referenceSuite('opt-tiny', 'webgpu', (_, { sparsity }) => sparsity === 0.2);
