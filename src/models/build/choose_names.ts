/** @file Which names a family's weights have in a checkpoint. */
import type { Checkpoint } from '../../formats/checkpoint.ts';
import type { Architecture, DecoderConfig, WeightNames } from '../architecture.ts';

/** Of several sets of names, the one under which the first layer's output matrices lie; else the first. */
export function chooseNames(
  { weights }: Pick<Architecture, 'weights'>,
  config: DecoderConfig,
  { tensors }: Checkpoint,
): WeightNames {
  if (typeof weights === 'function') return weights(config);
  const all: readonly WeightNames[] = Array.isArray(weights) ? weights : [weights];
  if (all.length === 1) return all[0];
  const isStored = ({ layers, layer }: WeightNames) => {
    const firsts = [layer.o_proj, layer.down_proj].map((module) => `${layers}0.${module}.`);
    return [...tensors.keys()].some((name) => firsts.some((first) => name.includes(first)));
  };
  return all.find(isStored) ?? all[0];
}
