/** The references on WebGPU, the WGSL pipeline; see reference_suite.ts for what WHITTLE_FULL=1 adds. */
import { referenceSuite } from './support/reference_suite.ts';

const HEADS = ['tied head', 'sliced head', 'tied and sliced head'];

/** What changes only the two ends of a model shows at one sparsity; the CPU backends go through all of them. */
function few(name: string): readonly number[] {
  return HEADS.includes(name) ? [0.25] : [0.25, 0.5];
}

referenceSuite('stories260k', 'webgpu', ({ name }, { sparsity }) => few(name).includes(sparsity));
referenceSuite('opt-tiny', 'webgpu', (_, { sparsity }) => [0.2, 0.5].includes(sparsity));
