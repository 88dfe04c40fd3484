/**
 * @file Pure planning for pages: what a slice will cost, from shapes alone. The first load has it all, so what only later panels ask
 * for is imported where it stands (`memory_plan.ts`).
 */
export { discardedEnergy } from '../compress/slicegpt/energy.ts';
export { slicedParts, totalElements } from '../compress/slicegpt/parts.ts';
export {
  constantDimensions,
  HEAD_KINDS,
  headRefusal,
  missingTokens,
  resolveHead,
  sliceDimension,
} from '../compress/slicegpt/plan.ts';
export { BOS_MODES, bosText } from '../formats/tokenizer/bos.ts';
export { isBlockQuantized, nearestPrecision, plannedBytes, plannedTotal, storedBits } from './planned_bytes.ts';
export { slicingRecipe } from './slicing_recipe.ts';
export { TEXT_KINDS, type TextKind } from './texts/kinds.ts';
export { VERSION } from './version.ts';
