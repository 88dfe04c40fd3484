/**
 * @file Loss at the head and its gradient by the last hidden states, in blocks of the vocabulary: the head is never whole on the
 * device, and logits only where they fit a budget. logits = soft_cap(scale·((norm(h)·projection)·Wᵀ + bias)).
 */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DivergenceKind } from '../../backend/training_kernels.ts';
import type { DecoderModel, Head } from '../../models/decoder_model.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Arena } from '../arena.ts';
import { KEPT_LOGITS_BYTES } from '../budgets.ts';
import { blockLogits, type HeadBlock, loadHeadBlock, lossesOfState, vocabularyBlocks } from '../head.ts';
import { applyNorm } from '../layer_products.ts';
import type { WeightLoader } from '../weights.ts';
import type { BackwardContext } from './context.ts';
import { normBackward } from './parts.ts';

/** What a batch is to predict. */
export interface BatchTargets {
  /** The token that should follow each row. */
  targets: Uint32Array;
  /** What a row's loss counts: their sum over all batches is 1 for a mean; 0 where nothing is predicted. */
  weights: Float64Array;
  /** With a teacher: what −log p of a row's target counts besides the divergence that `weights` weigh; any sign. */
  text_weights?: Float64Array;
}

/** A dense model's head, whose distribution is the target in place of the next token. */
export interface Teacher {
  kind: DivergenceKind;
  /** Of `jsd`. */
  beta?: number;
  head: Head;
  /** What it reads of each batch, norm(h)·projection (rows, d); left as they are. */
  inputs: readonly Tensor[];
}

export interface HeadResult {
  /** Σ weights ⊙ losses over all batches, in nats; of both losses where there are two. */
  loss: number;
  /** By each batch's hidden states, (rows, d), owned by the arena. */
  gradients: Tensor[];
}

/** What a batch needs while the blocks go by. */
export interface BatchState {
  input: Tensor;
  d_input: Tensor;
  target_ids: Tensor;
  weights: Tensor;
  text_weights?: Tensor;
  state: Tensor;
  teacherState?: Tensor;
  sums?: Tensor;
}

/** @param hidden What the final norm reads of each batch, (rows, d); left as they are. */
export async function headBackward(
  context: BackwardContext,
  loader: WeightLoader,
  model: DecoderModel,
  hidden: readonly Tensor[],
  targets: readonly BatchTargets[],
  teacher?: Teacher,
  signal?: AbortSignal,
): Promise<HeadResult> {
  const { arena } = context;
  const { backend } = arena;
  const norm = await loader.norm(model.norm);
  const { lm_head: head } = model;
  const projection = head.projection && (await loader.load(head.projection));
  const normed = hidden.map((states) => {
    const output = arena.empty(states.shape, 'final_norm');
    applyNorm(arena, norm, states, output);
    return output;
  });
  const inputs = normed.map((states) => {
    if (!projection) return states;
    const output = arena.empty([states.shape[0], projection.shape[1]], 'head_input');
    backend.matmul({ a: states, b: projection, output });
    return output;
  });
  const states = inputs.map((input, i) => batchState(context, input, targets[i], teacher !== undefined));
  const stages = stagesOf(context, head, teacher, true);
  await throughBlocks(context, loader, head, states, stages, teacher, signal);
  const loss = await totalLoss(context, states, targets);

  const gradients: Tensor[] = [];
  for (const [i, { d_input, ...rest }] of states.entries()) {
    // input = normed·projection
    let d_normed = d_input;
    if (projection) {
      const gradient = context.gradients.of(head.projection);
      if (gradient) backend.matmul_at({ a: normed[i], b: d_input, output: gradient, accumulate: true });
      d_normed = arena.empty(normed[i].shape, 'grad_final_norm');
      backend.matmul_bt({ a: d_input, b: projection, output: d_normed });
      arena.free(d_input);
    }
    // normed = norm(h)
    const output = arena.empty(hidden[i].shape, 'grad_states');
    normBackward(context, model.norm, norm, hidden[i], d_normed, { output });
    arena.free(
      d_normed,
      normed[i],
      rest.input,
      rest.target_ids,
      rest.weights,
      rest.text_weights,
      rest.state,
      rest.teacherState,
      rest.sums,
    );
    gradients.push(output);
  }
  arena.free(norm.weight, norm.bias, projection);
  return { loss, gradients };
}

export function batchState(
  { arena }: BackwardContext,
  input: Tensor,
  { targets, weights, text_weights }: BatchTargets,
  hasTeacher: boolean,
): BatchState {
  const { backend } = arena;
  const rows = input.shape[0];
  return {
    input,
    d_input: arena.empty(input.shape, 'grad_head_input'),
    target_ids: arena.own(backend.fromIds(targets, 'target_ids')),
    weights: arena.own(backend.fromArray(weights, [rows], 'loss_weights')),
    state: arena.empty([rows, 4], 'cross_entropy_state'),
    ...(hasTeacher && {
      teacherState: arena.empty([rows, 4], 'teacher_state'),
      sums: arena.empty([rows, 2], 'divergence_sums'),
      ...(text_weights && { text_weights: arena.own(backend.fromArray(text_weights, [rows], 'text_weights')) }),
    }),
  };
}

interface Block {
  start: number;
  end: number;
  /** Where a stage reads it. */
  own: HeadBlock | undefined;
}

/** Done with each block's logits, which may be overwritten. */
interface Stage {
  run(batch: BatchState, block: Block, logits: Tensor, teacherLogits: Tensor | undefined): void;
  /** Multiplies by the head itself. */
  readonly readsHead?: boolean;
}

/** Stages that one pass over the blocks does together: none reads what another sums over all of them. */
type Round = readonly Stage[];

/** Rounds one after another; of a vocabulary in one block all at once. Logits are kept between them, or made anew. */
export async function throughBlocks(
  context: BackwardContext,
  loader: WeightLoader,
  head: Head,
  states: readonly BatchState[],
  stages: readonly Round[],
  teacher: Teacher | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { arena } = context;
  const wider = teacher && teacher.head.weight.shape[1] > head.weight.shape[1] ? teacher.head : head;
  const rows = states.map(({ input }) => input.shape[0]);
  const ranges = vocabularyBlocks(arena, wider, Math.max(...rows));
  const rounds = ranges.length === 1 ? [stages.flat()] : stages;
  const fits = keepsLogits(head.weight.shape[0], rows, Boolean(teacher), context.budgets?.logitsBytes);
  const logits = new BlockLogits(arena, rounds.length > 1 && fits);
  for (const [r, round] of rounds.entries()) {
    const isMade = r === 0 || !logits.keeps;
    for (const [b, { start, end }] of ranges.entries()) {
      throwIfCancelled(signal);
      const isRead = isMade || round.some(({ readsHead }) => readsHead);
      const own = isRead ? await loadHeadBlock(loader, head, { start, end }) : undefined;
      const theirs = isMade && teacher ? await loadHeadBlock(loader, teacher.head, { start, end }) : undefined;
      for (const [i, batch] of states.entries()) {
        const shape = [batch.input.shape[0], end - start];
        const [mine, others] = logits.of(`${b} ${i}`, shape, teacher !== undefined);
        if (isMade && own) blockLogits(arena, head, own, batch.input, mine);
        if (teacher && theirs && others) blockLogits(arena, teacher.head, theirs, teacher.inputs[i], others);
        for (const stage of round) stage.run(batch, { start, end, own }, mine, others);
        if (r === rounds.length - 1) logits.free(`${b} ${i}`);
      }
      arena.free(own?.weight, own?.bias, theirs?.weight, theirs?.bias);
      await arena.backend.sync();
    }
  }
}

/** Whether all logits of some batches may stay on the device from one round to the next. */
export function keepsLogits(
  vocabulary: number,
  rows: readonly number[],
  hasTeacher: boolean,
  budget = KEPT_LOGITS_BYTES,
): boolean {
  const numbers = rows.reduce((sum, each) => sum + each, 0) * vocabulary * (hasTeacher ? 2 : 1);
  return 4 * numbers <= budget;
}

/** Logits of blocks and batches, by name: in the same workspace tensors, or each in its own until it is freed. */
class BlockLogits {
  private readonly kept = new Map<string, readonly [Tensor, Tensor | undefined]>();

  constructor(
    private readonly arena: Arena,
    readonly keeps: boolean,
  ) {}

  of(name: string, shape: Shape, hasTeacher: boolean): readonly [own: Tensor, teacher: Tensor | undefined] {
    const { arena, keeps, kept } = this;
    const known = kept.get(name);
    if (known) return known;
    const make = (label: string) => (keeps ? arena.empty(shape, label) : arena.workspace(label, shape));
    const made = [make('logits'), hasTeacher ? make('teacher_logits') : undefined] as const;
    if (keeps) kept.set(name, made);
    return made;
  }

  free(name: string): void {
    this.arena.free(...(this.kept.get(name) ?? []));
    this.kept.delete(name);
  }
}

/**
 * Log-sums first, then what a divergence sums, at last the gradient.
 * @param withGradient Without it the loss alone is found.
 */
export function stagesOf(
  context: BackwardContext,
  head: Head,
  teacher: Teacher | undefined,
  withGradient: boolean,
): Round[] {
  const { backend } = context.arena;
  const logSums: Stage = {
    run({ state, teacherState, target_ids }, { start }, logits, teacherLogits) {
      backend.cross_entropy({ logits, target_ids, first_column: start, state });
      if (teacherLogits && teacherState) {
        backend.cross_entropy({ logits: teacherLogits, target_ids, first_column: start, state: teacherState });
      }
    },
  };
  const { scale: factor, soft_cap } = head;
  if (!teacher) {
    const gradient: Stage = {
      readsHead: true,
      run({ target_ids, state, weights, ...batch }, block, logits) {
        const known = { target_ids, state, weights, first_column: block.start };
        backend.cross_entropy_backward({ logits, ...known, factor, soft_cap });
        productBackward(context, head, batch, block, logits);
      },
    };
    return withGradient ? [[logSums], [gradient]] : [[logSums]];
  }
  const { kind, beta } = teacher;
  const divergenceOf = (
    { state, teacherState, sums }: BatchState,
    logits: Tensor,
    teacherLogits: Tensor | undefined,
  ) => {
    if (!teacherLogits || !teacherState || !sums) throw new RangeError('a divergence without a teacher');
    const known = { teacher_state: teacherState, student_state: state, sums };
    return { kind, beta, teacher: teacherLogits, student: logits, ...known };
  };
  const sums: Stage = {
    run: (batch, _, logits, teacherLogits) => backend.divergence(divergenceOf(batch, logits, teacherLogits)),
  };
  const gradient: Stage = {
    readsHead: true,
    run(batch, block, logits, teacherLogits) {
      const { weights, text_weights, target_ids, state } = batch;
      const text = text_weights && context.arena.workspace('text_logits', logits.shape);
      if (text) {
        backend.copy(logits, text);
        const known = { target_ids, state, weights: text_weights, first_column: block.start };
        backend.cross_entropy_backward({ logits: text, ...known, factor, soft_cap });
      }
      backend.divergence_backward({ ...divergenceOf(batch, logits, teacherLogits), weights, factor, soft_cap });
      if (text) backend.add({ a: logits, b: text, output: logits });
      productBackward(context, head, batch, block, logits);
    },
  };
  if (!withGradient) return [[logSums], [sums]];
  // The gradient of forward KL, q − p, reads no sum over the vocabulary but the log-sums.
  return kind === 'forward_kl' ? [[logSums], [sums, gradient]] : [[logSums], [sums], [gradient]];
}

/** Of a block of input·Wᵀ + bias. @param d Gradient by it, (rows, n). */
function productBackward(
  { arena, gradients }: BackwardContext,
  head: Head,
  { input, d_input }: Pick<BatchState, 'input' | 'd_input'>,
  { start, end, own }: Block,
  d: Tensor,
): void {
  const { backend } = arena;
  if (!own) throw new RangeError('a gradient without the head');
  backend.matmul({ a: d, b: own.weight, output: d_input, accumulate: true });
  if (gradients.wanted(head.weight)) {
    backend.matmul_at({ a: d, b: input, output: gradients.rows(head.weight, { start, end }), accumulate: true });
  }
  if (gradients.wanted(head.bias)) backend.column_sums({ a: d, output: gradients.rows(head.bias, { start, end }) });
}

export async function totalLoss(
  { arena }: Pick<BackwardContext, 'arena'>,
  states: readonly BatchState[],
  targets: readonly BatchTargets[],
): Promise<number> {
  let total = 0;
  for (const [i, { state, sums }] of states.entries()) {
    const { weights, text_weights } = targets[i];
    const losses = sums ? await divergences(arena.backend.read(sums)) : lossesOfState(await arena.backend.read(state));
    total += weighed(losses, weights);
    if (sums && text_weights) total += weighed(lossesOfState(await arena.backend.read(state)), text_weights);
  }
  return total;
}

function weighed(losses: ArrayLike<number>, weights: Float64Array): number {
  let total = 0;
  for (let row = 0; row < weights.length; row++) if (weights[row] !== 0) total += weights[row] * losses[row];
  return total;
}

async function divergences(reading: Promise<ArrayLike<number>>): Promise<Float64Array> {
  const sums = await reading;
  return Float64Array.from({ length: sums.length / 2 }, (_, row) => sums[2 * row]);
}
