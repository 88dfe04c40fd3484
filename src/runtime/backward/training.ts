/**
 * @file Training of linears: gradients of a step's windows, clipped by their norm, then AdamW. Everything is summed in a fixed
 * order, so the same numbers, windows and backend give the same bits.
 */
import type { Tensor } from '../../backend/backend.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { Arena } from '../arena.ts';
import type { WeightLoader } from '../weights.ts';
import { rowsPerBatch, type TokenWindows, type WindowBatch, windowsPerBatch } from '../windows.ts';
import { type BackwardContext, Rotations } from './context.ts';
import { Gradients } from './gradients.ts';
import { type GradientOptions, modelGradients } from './model.ts';
import { parametersOf, type TrainedLinears } from './trained.ts';
import { type ColumnScales, TrainedLoader, type WholeWeights } from './trained_loader.ts';

export interface AdamwOptions {
  beta1: number;
  beta2: number;
  eps: number;
  weight_decay: number;
  /** Gradients of a larger norm, over all adapters, are scaled down to it; absent: they are taken as they are. */
  clip_norm?: number;
}

/** A factor of an adapter with its gradient and moments. */
interface Parameter {
  parameter: Tensor;
  gradient: Tensor;
  first_moment: Tensor;
  second_moment: Tensor;
}

export class AdapterTraining {
  private readonly parameters: Parameter[];
  private readonly context: BackwardContext;
  private readonly loader: TrainedLoader;
  private steps = 0;

  /**
   * @param adapters They are the arena's, and change in place.
   * @param whole Weights that are trained as they are; likewise.
   * @param cacheLevels Keys and values are rounded to so many, where it is given.
   * @param columns What the inputs of some linears count.
   */
  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    adapters: TrainedLinears,
    seqlen: number,
    private readonly options: AdamwOptions,
    whole: WholeWeights = new Map(),
    cacheLevels?: number,
    columns: ColumnScales = new Map(),
  ) {
    const zeros = (like: Tensor, name: string) => arena.empty(like.shape, `${name} of ${like.label}`);
    const gradients = new Gradients(arena, (ref) => whole.has(ref));
    const pairs = [...adapters.values()].flatMap(parametersOf);
    for (const [ref, parameter] of whole) {
      const gradient = gradients.of(ref);
      if (gradient) pairs.push({ parameter, gradient });
    }
    this.parameters = pairs.map((pair) => ({
      ...pair,
      first_moment: zeros(pair.parameter, 'first moment'),
      second_moment: zeros(pair.parameter, 'second moment'),
    }));
    this.context = { arena, gradients, adapters, rotations: new Rotations(arena, seqlen) };
    this.loader = new TrainedLoader(arena, adapters, whole, cacheLevels, columns);
  }

  /**
   * One step on some windows.
   * @param batches Of the windows, all of which count alike.
   * @returns The loss before the step, in nats a token.
   * @throws `cancelled`, `non_finite_activations`: the adapters are then as they were before the step.
   */
  async step(
    windows: TokenWindows,
    batches: readonly WindowBatch[],
    lr: number,
    options: GradientOptions = {},
  ): Promise<number> {
    return this.stepBy(lr, () => modelGradients(this.context, this.loader, this.model, windows, batches, options));
  }

  /**
   * As {@link step}, of whatever adds the gradients of a mean loss.
   * @param addGradients Gets the loader of weights as they are trained now; returns the loss.
   */
  async stepBy(
    lr: number,
    addGradients: (context: BackwardContext, loader: WeightLoader) => Promise<number>,
  ): Promise<number> {
    const { backend } = this.arena;
    // Of a step that was broken off, too.
    for (const { gradient } of this.parameters) this.zero(gradient);
    const loss = await addGradients(this.context, this.loader);
    if (!Number.isFinite(loss)) throw diverged(loss, this.steps + 1);
    const gradient_scale = await this.clipScale();
    this.steps++;
    const { beta1, beta2, eps, weight_decay } = this.options;
    const rates = { lr, beta1, beta2, eps, weight_decay, step: this.steps, gradient_scale };
    for (const parameter of this.parameters) backend.adamw({ ...parameter, ...rates });
    await backend.sync();
    return loss;
  }

  /** All that steps to come depend on beside the steps taken: each factor with its moments, read as they are asked for, between two steps. */
  state(): AsyncGenerator<Float32Array | Float64Array> {
    return valuesOf(this.arena, this.tables);
  }

  /** Goes on from a state behind so many steps, with the same bits as if it had never been left. */
  async restore(steps: number, tables: AsyncIterable<ArrayLike<number>>): Promise<void> {
    await fillAll(this.arena, this.tables, tables);
    this.steps = steps;
  }

  private get tables(): Tensor[] {
    return this.parameters.flatMap(({ parameter, first_moment, second_moment }) => [
      ...[parameter, first_moment, second_moment],
    ]);
  }

  private zero(gradient: Tensor): void {
    const zeros = this.arena.empty(gradient.shape, 'zeros');
    this.arena.backend.copy(zeros, gradient);
    this.arena.free(zeros);
  }

  private async clipScale(): Promise<number> {
    const { clip_norm } = this.options;
    if (clip_norm === undefined) return 1;
    // All are asked for before the first is waited for: a device answers them together.
    const norms = await Promise.all(this.parameters.map(({ gradient }) => this.squaredNorm(gradient)));
    const squares = norms.reduce((sum, square) => sum + square, 0);
    return Math.min(1, clip_norm / (Math.sqrt(squares) + 1e-6));
  }

  /** Of a matrix, sums of columns on the device; their sum in f64. */
  private async squaredNorm(gradient: Tensor): Promise<number> {
    const { arena } = this;
    let total = 0;
    if (gradient.shape.length === 1) {
      for (const value of await arena.backend.read(gradient)) total += value * value;
      return total;
    }
    const sums = arena.empty([gradient.shape[1]], 'squares');
    arena.backend.column_sums({ a: gradient, b: gradient, output: sums });
    const values = await arena.backend.read(sums);
    arena.free(sums);
    for (const value of values) total += value;
    return total;
  }
}

/** Numbers of the host into a tensor that is there. */
export function fill(arena: Arena, tensor: Tensor, values: ArrayLike<number>): void {
  const given = arena.own(arena.backend.fromArray(values, tensor.shape, tensor.label));
  arena.backend.copy(given, tensor);
  arena.free(given);
}

/** Bytes, as f32, of tensors that are read together: a device answers many small questions at once as soon as one. */
export const MOST_READ_BYTES = 4 * 2 ** 20;

/** What some tensors hold, in their order; few are on the host at once. */
export async function* valuesOf(
  { backend }: Arena,
  tensors: readonly Tensor[],
): AsyncGenerator<Float32Array | Float64Array> {
  for (let start = 0; start < tensors.length; ) {
    let [end, bytes] = [start, 0];
    do bytes += 4 * elementCount(tensors[end++].shape);
    while (end < tensors.length && bytes + 4 * elementCount(tensors[end].shape) <= MOST_READ_BYTES);
    const values = await Promise.all(tensors.slice(start, end).map((tensor) => backend.read(tensor)));
    start = end;
    yield* values;
  }
}

/** Likewise the other way. @param tables One for each tensor. */
export async function fillAll(
  arena: Arena,
  tensors: readonly Tensor[],
  tables: AsyncIterable<ArrayLike<number>>,
): Promise<void> {
  let index = 0;
  for await (const values of tables) fill(arena, tensors[index++], values);
}

/** Chosen windows beside each other, as a step takes them: (windows, batches). */
export function stepWindows(
  arena: Arena,
  windows: TokenWindows,
  chosen: readonly number[],
): { windows: TokenWindows; batches: WindowBatch[] } {
  const { seqlen } = windows;
  const ids = new Uint32Array(chosen.length * seqlen);
  for (const [i, index] of chosen.entries()) {
    ids.set(windows.ids.subarray(index * seqlen, (index + 1) * seqlen), i * seqlen);
  }
  const size = windowsPerBatch({ seqlen }, rowsPerBatch(arena.backend.info));
  const batches: WindowBatch[] = [];
  for (let first = 0; first < chosen.length; first += size) {
    batches.push({ first, count: Math.min(size, chosen.length - first) });
  }
  return { windows: { ...windows, count: chosen.length, ids }, batches };
}

function diverged(loss: number, step: number): WhittleError {
  return new WhittleError({
    code: 'non_finite_activations',
    message: `The loss of training step ${step} is ${loss}.`,
    allowed: 'a finite number',
    action: 'Train with a lower learning rate, or clip gradients to a smaller norm.',
  });
}
