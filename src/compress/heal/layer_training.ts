/** @file The training of one layer towards its targets: steps over the training windows, measured on held-out ones; the best is kept. */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { blockGradients, blockTarget, distance } from '../../runtime/backward/block.ts';
import { parametersOf } from '../../runtime/backward/trained.ts';
import { TrainedLoader } from '../../runtime/backward/trained_loader.ts';
import { AdapterTraining, fill, stepWindows } from '../../runtime/backward/training.ts';
import { runLayer } from '../../runtime/layer_parts.ts';
import { RotaryCache } from '../../runtime/model_pass.ts';
import { freeDeviceLayer, WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, rowsPerBatch } from '../../runtime/windows.ts';
import type { PassContext } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import type { Table } from '../train/checkpoint.ts';
import type { KeptStates } from '../train/kept_states.ts';
import { windowsOf } from '../train/kept_states.ts';
import type { Trainable } from '../train/linears.ts';
import type { TrainingOptions } from '../train/options.ts';
import { learningRate, windowsOfStep } from '../train/schedule.ts';
import { storeTrained } from '../train/store_trained.ts';
import { ADAMW } from '../train/train.ts';
import type { Streams } from './streams.ts';

/** Measurements of a layer on held-out windows, the first besides. */
const POINTS = 5;

export interface LayerJob {
  readonly arena: Arena;
  readonly model: DecoderModel;
  readonly layer: number;
  readonly trainable: Trainable;
  readonly options: TrainingOptions;
  readonly context: PassContext;
  /** Windows that are trained on. */
  readonly training: number;
  readonly streams: Streams;
}

export interface TrainedLayer {
  /** Of adapters and whole weights, as `trainable` holds them now. */
  readonly values: Table[];
  /** Shares of the output's energy that miss on held-out windows, as stored; absent where it was known before. */
  readonly errors?: { before: number; after: number };
}

/** @param known What the layer learnt before: it is put in its place, and nothing is trained. */
export async function trainLayer(
  job: LayerJob,
  onProgress: (share: number) => void,
  known?: readonly Table[],
): Promise<TrainedLayer> {
  const { arena, model, layer, trainable, options, context, training, streams } = job;
  const { backend, calibration, signal } = context;
  const { seqlen, count } = calibration;
  const tensors = tensorsOf(trainable);
  const put = (values: readonly Table[]) => {
    for (const [i, tensor] of tensors.entries()) fill(arena, tensor, values[i]);
  };
  const values = () => Promise.all(tensors.map((tensor) => backend.read(tensor)));
  if (known) {
    put(known);
    return { values: [...known] };
  }
  const spec = model.layers[layer];
  const targets = await streams.targets(spec, training);
  try {
    const held = Array.from({ length: count - training }, (_, i) => training + i);
    const error = () => heldError(job, targets, held, model, trainable);
    let best = { loss: await error(), values: await values() };
    const before = best.loss;
    const untrained = best.values;
    const run = new AdapterTraining(arena, model, trainable.adapters, seqlen, ADAMW, trainable.whole);
    const every = Math.max(1, Math.floor(options.steps / POINTS));
    for (let step = 0; step < options.steps; step++) {
      throwIfCancelled(signal);
      const chosen = windowsOfStep(step, options.batch, training, options.seed);
      await run.stepBy(learningRate(step, options), (backward, loader) =>
        withArena(backend, async (own) => {
          const weights = await loader.layer(spec);
          let loss = 0;
          for (const batch of stepWindows(own, calibration, chosen).batches) {
            const some = windowsOf(batch).map((i) => chosen[i]);
            const x = await streams.inputs.tensor(own, some, 'layer_input');
            const target = blockTarget(own, await targets.values(some), targets.width, chosen.length * seqlen);
            loss += await blockGradients(backward, spec, weights, seqlen, x, target);
            own.free(x, target.negated, target.weights);
          }
          freeDeviceLayer(arena, weights);
          return loss;
        }),
      );
      onProgress((step + 1) / options.steps);
      if ((step + 1) % every !== 0 && step + 1 !== options.steps) continue;
      const loss = await error();
      if (loss < best.loss) best = { loss, values: await values() };
    }
    put(best.values);
    arena.freeWorkspace();
    // What is stored is rounded, on a grid or to the stored type.
    const stored = replaceWeights(model, await storeTrained(arena, trainable, {}, memoryScratch(), storedType(model)));
    const after = await heldError(job, targets, held, stored);
    if (after < before) return { values: best.values, errors: { before, after } };
    put(untrained);
    return { values: untrained, errors: { before, after: before } };
  } finally {
    await targets.clear();
  }
}

function tensorsOf({ adapters, whole }: Trainable): Tensor[] {
  return [...[...adapters.values()].flatMap(parametersOf).map(({ parameter }) => parameter), ...whole.values()];
}

/** On windows that are not trained on. @param trainable Absent: the layer as it is stored. */
async function heldError(
  { layer, context, streams, arena }: LayerJob,
  targets: KeptStates,
  held: readonly number[],
  model: DecoderModel,
  trainable?: Trainable,
): Promise<number> {
  const { backend, calibration, signal } = context;
  const { seqlen } = calibration;
  const spec = model.layers[layer];
  return withArena(backend, async (own) => {
    const loader = trainable ? new TrainedLoader(own, trainable.adapters, trainable.whole) : new WeightLoader(own);
    const weights = await loader.layer(spec);
    const table = spec.attention.rotary && new RotaryCache(own, seqlen).get(spec.attention.rotary);
    let loss = 0;
    for (const batch of batchesOf({ ...calibration, count: held.length }, 0, held.length, rowsPerBatch(backend.info))) {
      throwIfCancelled(signal);
      const some = windowsOf(batch).map((i) => held[i]);
      const x = await streams.inputs.tensor(own, some, 'layer_input');
      const target = blockTarget(own, await targets.values(some), targets.width, held.length * seqlen);
      const y = runLayer(own, spec, weights, table, seqlen, x);
      loss += await distance(own, y, target);
      own.free(y, target.negated, target.weights);
    }
    arena.freeWorkspace();
    return loss;
  });
}
