/** @file The calibration text as states before the first layer. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { embedTokens } from '../../runtime/embed.ts';
import { BatchStates, type SpillOptions } from '../../runtime/spill.ts';
import type { WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, batchIds, rowsPerBatch } from '../../runtime/windows.ts';
import type { PassContext } from '../method.ts';

export async function embedded(
  arena: Arena,
  loader: WeightLoader,
  model: DecoderModel,
  { calibration, backend }: PassContext,
  spill: SpillOptions | undefined,
): Promise<{ states: BatchStates; batches: number }> {
  const ids = batchesOf(calibration, 0, calibration.count, rowsPerBatch(backend.info)).map((batch) =>
    batchIds(calibration, batch),
  );
  const states = new BatchStates(arena, spill);
  await embedTokens(arena, loader, model.embed_tokens, ids, calibration.seqlen, (x, index) => states.put(index, x));
  return { states, batches: ids.length };
}
