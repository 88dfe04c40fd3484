/** The references on WebGPU, the WGSL pipeline; see reference_suite.ts for what WHITTLE_FULL=1 adds. */
import { referenceSuite } from './support/reference_suite.ts';

const HEADS = ['tied head', 'sliced head', 'tied and sliced head'];

/** What changes only the two ends of a model, or only how norms are fused, shows at two sparsities; the rest is the sequential group's. */
function few(name: string): readonly number[] | undefined {
  if (HEADS.includes(name)) return [0.25];
  return name === 'official fusion' ? [0.25, 0.5] : undefined;
}

referenceSuite('stories260k', 'webgpu', ({ name }, { sparsity }) => few(name)?.includes(sparsity) ?? true);
referenceSuite('opt-tiny', 'webgpu', (_, { sparsity }) => [0.2, 0.5].includes(sparsity));
