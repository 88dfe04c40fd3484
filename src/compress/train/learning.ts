/** @file How a training changes linears, and how they are held afterwards: what a method that trains chooses. */
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { TrainedLinear, TrainedLinears } from '../../runtime/backward/trained.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import type { Changed } from '../layerwise_types.ts';
import type { Trainable } from './linears.ts';

export interface Learning {
  /** What is trained in the place of linears; of the others nothing changes. Its tensors are the arena's. */
  linears(arena: Arena, model: DecoderModel): Promise<TrainedLinears>;
  /**
   * A linear as it is stored afterwards. Absent: as it came in, in floats, with the same mask, or on the same grid.
   * @param values (out, in), row-major: what it multiplies by.
   */
  hold?(weight: WeightRef, values: Float64Array, trained: TrainedLinear): NonNullable<Changed>;
  /** As {@link Trainable} has it. */
  readonly cacheLevels?: number;
  /** Of dense numbers; absent: the model's own floats. */
  readonly dtype?: FloatType;
  /** What people should know of the result, in sentences. */
  readonly notes?: readonly string[];
}
