/** @file What exports use of the walk over all weights. */
export { replaceWeights, type WeightRole, weightRoles } from '../models/map_weights.ts';
