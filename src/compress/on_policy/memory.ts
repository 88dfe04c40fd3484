/** @file What a training needs whose student writes: the training itself, or both models on the device at once, whichever is more. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import { RESIDENT_BYTES } from '../../runtime/decode/resident.ts';
import { layerWidths } from '../../runtime/estimate_outline.ts';
import { elementCount } from '../../tensor/shape.ts';
import { foundMemory, plannerOf } from '../memory/planner.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';
import { isTrained, linearPlaces } from '../train/linears.ts';
import { adapterMemory, holdTrained, trainingMemory } from '../train/memory.ts';
import type { OnPolicyOptions } from './options.ts';

/** @param writers Models that write: the student, and the dense model where it takes part, as large as the student. */
export function samplingMemory(
  model: ModelOutline,
  options: OnPolicyOptions,
  plan: MemoryPlan,
  writers: 1 | 2 = 1,
): JobMemory {
  const training = trainingMemory(model, options, plan);
  const planner = plannerOf(plan, 1);
  const { ledger } = planner;
  const trained = linearPlaces(model).filter(({ weight }) => isTrained(weight));
  holdTrained(
    planner,
    model,
    options,
    trained.map(({ weight }) => adapterMemory(weight, options.rank)),
  );
  for (let writer = 0; writer < writers; writer++) {
    let bytes = 0;
    for (const layer of model.layers) {
      const weights = linearPlaces({ ...model, layers: [layer] });
      bytes += weights.reduce((sum, { weight }) => sum + 4 * elementCount(weight.shape), 0);
      const held = planner.layer(layer, false);
      if (bytes > RESIDENT_BYTES) ledger.free(...held);
      const { num_key_value_heads, head_dim } = layer.attention;
      for (let i = 0; i < 2; i++) ledger.hold('activations', plan.windows.seqlen * num_key_value_heads * head_dim);
    }
    ledger.load('head', Math.min(RESIDENT_BYTES / 4, elementCount(model.lm_head.weight.shape)));
  }
  // The longest prompt through the widest part, merging adapters on its way, and the logits of its last token.
  const rows = plan.windows.seqlen;
  ledger.workspace(
    'adapter_scaled',
    options.rank * Math.max(...linearPlaces(model).map(({ weight }) => weight.shape[0])),
  );
  ledger.workspace('logits', model.lm_head.weight.shape[0]);
  const [first] = model.layers;
  planner.run(first, ledger.hold('activations', rows * layerWidths(first).input), rows);
  const writing = foundMemory(planner, model, training.storage);
  const { device_bytes, breakdown } = writing.device_bytes > training.device_bytes ? writing : training;
  return { ...training, device_bytes, breakdown };
}
