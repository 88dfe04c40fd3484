/**
 * @file The linear map that stands for layers that go (ReplaceMe, arXiv 2505.02819): of what the MLP before them puts out,
 * by least squares, so that stream + MLP·T comes near what left the last of them. It is folded into that MLP's down_proj.
 */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import { choleskySolve } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import type { DecoderLayer, DecoderModel, Linear, WeightRef } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { RotaryCache, runLayersFrom } from '../../runtime/model_pass.ts';
import { BatchStates } from '../../runtime/spill.ts';
import { freeDeviceLayer, WeightLoader } from '../../runtime/weights.ts';
import { TapSums } from '../../statistics/tap_sums.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { linalgOptions } from '../layerwise/change_linears.ts';
import { DeviceHalf, linearPath } from '../layerwise/half.ts';
import { storeChanged } from '../layerwise/store_changed.ts';
import type { PassContext } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import { embedded } from './stream.ts';

/** Share of the mean diagonal of the Gram of what the MLP puts out. */
const RIDGE = 0.01;

/** T − I, (D, D) row-major: a row of the MLP's output times T. */
type LinearMap = Float64Array;

/** down_proj of layer `start − 1`, with the map that stands for the layers start … start + span − 1. */
export async function replacement(
  arena: Arena,
  model: DecoderModel,
  start: number,
  span: number,
  context: PassContext,
): Promise<Linear> {
  const map = await fitted(arena, model, start, span, context);
  const layer = model.layers[start - 1];
  const { weight, bias, ...rest } = layer.mlp.down_proj;
  const path = linearPath(layer.index, 'down_proj');
  const dtype = storedType(model);
  const fold = async (ref: WeightRef, name: string) => {
    const [rows, columns = 1] = ref.shape;
    const values = Float64Array.from(decodeStored(await ref.read(), ref.dtype));
    const { multiply = addProduct } = linalgOptions(context);
    const out = values.slice();
    multiply(rows, columns, rows, transposed(view(map, rows)), view(values, columns), view(out, columns));
    return storeChanged(context.scratch, name, ref.shape, { values: out }, dtype);
  };
  return {
    ...rest,
    weight: await fold(weight, `${path}.weight`),
    ...(bias && { bias: await fold(bias, `${path}.bias`) }),
  };
}

async function fitted(
  arena: Arena,
  model: DecoderModel,
  start: number,
  span: number,
  context: PassContext,
): Promise<LinearMap> {
  const { backend } = arena;
  const { calibration, signal, spill } = context;
  const share = spill && { ...spill, budgetBytes: Math.floor(spill.budgetBytes / 3) };
  const loader = new WeightLoader(arena, true);
  const { states, batches } = await embedded(arena, loader, model, context, share);
  const observer = {
    onLayer: (layer: number) =>
      context.observer.onProgress({
        fraction: (layer + 1) / (start + span),
        layer,
        layers: model.layers.length,
        step: 'linear map',
        tokens: calibration.seqlen * calibration.count * (layer + 1),
      }),
  };
  const run = (layers: readonly DecoderLayer[]) =>
    runLayersFrom(arena, loader, layers, calibration.seqlen, batches, states, observer, signal);
  await run(model.layers.slice(0, start - 1));
  const [streams, outputs] = [new BatchStates(arena, share), new BatchStates(arena, share)];
  await splitLayer(arena, loader, model.layers[start - 1], states, streams, outputs, batches, context);
  await run(model.layers.slice(start, start + span));
  await loader.assertFinite();

  const size = model.config.hidden_size;
  const sums = new TapSums(arena, size, new Set(['gram', 'cross']));
  for (let i = 0; i < batches; i++) {
    throwIfCancelled(signal);
    const [left, stream, output] = [await states.take(i), await streams.take(i), await outputs.take(i)];
    const [L, Y, M] = [await backend.read(left), await backend.read(stream), await backend.read(output)];
    const missing = arena.own(
      backend.fromArray(
        Float32Array.from(L, (value, j) => value - Y[j] - M[j]),
        output.shape,
        'missing_of_stream',
      ),
    );
    await sums.add(output, missing);
    arena.free(left, stream, output, missing);
  }
  for (const each of [states, streams, outputs]) await each.clear();
  const { gram, cross } = await sums.take();
  return solve(gram as Float64Array, cross as Float64Array, size, context);
}

/** (G + λI)⁻¹·C: the ridge pulls T towards the identity, which leaves the layers out. */
async function solve(G: Float64Array, C: Float64Array, n: number, context: PassContext): Promise<LinearMap> {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += G[i * n + i];
  // An MLP that puts out nothing teaches nothing.
  if (!(trace > 0)) return new Float64Array(n * n);
  const K = G.slice();
  for (let i = 0; i < n; i++) K[i * n + i] += (RIDGE * trace) / n;
  return choleskySolve(K, C, n, n, linalgOptions(context));
}

/** One layer, with the stream that its MLP is added to and what is added, each in a place of its own. */
async function splitLayer(
  arena: Arena,
  loader: WeightLoader,
  layer: DecoderLayer,
  states: BatchStates,
  streams: BatchStates,
  outputs: BatchStates,
  batches: number,
  { calibration: { seqlen }, signal }: PassContext,
): Promise<void> {
  const { backend } = arena;
  const weights = await loader.layer(layer);
  const { rotary } = layer.attention;
  const table = rotary && new RotaryCache(arena, seqlen).get(rotary);
  const [attention, mlp] = (['attention', 'mlp'] as const).map(
    (name) => new DeviceHalf(arena, name, layer, weights, table, seqlen),
  );
  const copied = (from: Tensor) => {
    const copy = arena.empty(from.shape, 'stream_before_mlp');
    backend.copy(from, copy);
    return copy;
  };
  for (let i = 0; i < batches; i++) {
    throwIfCancelled(signal);
    const x = await states.take(i);
    const mixed = attention.mixed(x);
    // In a parallel layer both read x.
    const early = layer.parallel ? mlp.mixed(x) : undefined;
    const stream = attention.output(x, mixed);
    const activated = early ?? mlp.mixed(stream);
    await streams.put(i, copied(stream));
    const zeros = arena.own(
      backend.fromArray(new Float32Array(stream.shape[0] * stream.shape[1]), stream.shape, 'mlp_output'),
    );
    await outputs.put(i, mlp.output(zeros, activated));
    await states.put(i, mlp.output(stream, activated));
    arena.free(mixed, activated);
    await backend.sync();
  }
  freeDeviceLayer(arena, weights);
  arena.freeWorkspace();
}
