/** @file Pure planning for pages: what a slice will cost, from shapes alone. */
export { discardedEnergy } from '../compress/slicegpt/energy.ts';
export {
  constantDimensions,
  HEAD_KINDS,
  resolveHead,
  sliceDimension,
  slicedParts,
  totalElements,
} from '../compress/slicegpt/plan.ts';
