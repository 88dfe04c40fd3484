/** @file Pure planning for pages: what a slice will cost, from shapes alone. */
export { discardedEnergy } from '../compress/slicegpt/energy.ts';
export {
  estimateEvaluation,
  estimateSlicing,
  type JobMemory,
  type MemoryBreakdown,
} from '../compress/slicegpt/estimate.ts';
export { slicedParts, totalElements } from '../compress/slicegpt/parts.ts';
export {
  constantDimensions,
  HEAD_KINDS,
  headRefusal,
  resolveHead,
  sliceDimension,
} from '../compress/slicegpt/plan.ts';
