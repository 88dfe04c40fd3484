/** @file Pure planning for pages: what a slice will cost, from shapes alone. */
export { FILE_TYPES, type FileType } from '../compress/gguf/file_types.ts';
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
export {
  estimateJob,
  type MemoryJob,
  megabytes,
  memoryVerdict,
  type PlannedMemory,
  type Room,
  storageNeed,
  worstMemory,
} from './memory_plan.ts';
export { isBlockQuantized, nearestPrecision, plannedBytes, plannedTotal, storedBits } from './planned_bytes.ts';
export { slicingRecipe } from './slicing_recipe.ts';
