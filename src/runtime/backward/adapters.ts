/**
 * @file LoRA (arXiv 2106.09685): W + scale·B·A in the place of a linear's weight. Adapters are merged as a layer is loaded, so that
 * the forward pass is the one that everything else runs, and what is measured while training is what is written at its end.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { Linear, WeightRef } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { type DeviceLinear, WeightLoader } from '../weights.ts';
import type { Gradients } from './gradients.ts';

export interface Adapter {
  /** (rank, in). */
  readonly A: Tensor;
  /** (out, rank). */
  readonly B: Tensor;
  /** alpha / rank. */
  readonly scale: number;
  /** Shaped as A and B; added to. */
  readonly grad_A: Tensor;
  readonly grad_B: Tensor;
  /** (out, in), 1 where the weight may be other than zero: what is pruned stays so. Absent: everywhere. */
  readonly mask?: Tensor;
}

/** @param mask (out, in), as {@link Adapter} has it. */
export function createAdapter(
  arena: Arena,
  { A, B, scale, mask }: { A: ArrayLike<number>; B: ArrayLike<number>; scale: number; mask?: ArrayLike<number> },
  [rows, columns]: readonly number[],
  name: string,
): Adapter {
  const rank = A.length / columns;
  const make = (values: ArrayLike<number>, shape: number[], part: string) =>
    arena.own(arena.backend.fromArray(values, shape, `${name} ${part}`));
  return {
    A: make(A, [rank, columns], 'A'),
    B: make(B, [rows, rank], 'B'),
    scale,
    grad_A: arena.empty([rank, columns], `grad ${name} A`),
    grad_B: arena.empty([rows, rank], `grad ${name} B`),
    ...(mask && { mask: make(mask, [rows, columns], 'mask') }),
  };
}

/** weight += scale·B·A, where the mask lets it. */
export function mergeAdapter(arena: Arena, { A, B, scale, mask }: Adapter, weight: Tensor): void {
  const { backend } = arena;
  const scaled = arena.workspace('adapter_scaled', B.shape);
  backend.copy(B, scaled);
  backend.scale({ hidden_states: scaled, factor: scale });
  backend.matmul({ a: scaled, b: A, output: weight, accumulate: true });
  if (mask) applyMask(arena, mask, weight);
}

/** matrix ⊙ mask, in place: a mask of ones and zeros is its own relu. */
function applyMask(arena: Arena, mask: Tensor, matrix: Tensor): void {
  const output = arena.workspace('adapter_masked', matrix.shape);
  arena.backend.glu({ activation: 'relu', gate: mask, up: matrix, output });
  arena.backend.copy(output, matrix);
}

/** Gradients of the factors of y = x·(W + scale·B·A)ᵀ: u = x·Aᵀ, grad_B += scale·dyᵀ·u, grad_A += (scale·dy·B)ᵀ·x. */
export function adapterBackward(arena: Arena, adapter: Adapter, x: Tensor, dy: Tensor): void {
  const { backend } = arena;
  const { A, B, scale, grad_A, grad_B, mask } = adapter;
  if (mask) {
    // Of what is kept of B·A alone: dW = mask ⊙ dyᵀ·x, grad_B += scale·dW·Aᵀ, grad_A += scale·Bᵀ·dW.
    const product = arena.workspace('adapter_product', mask.shape);
    backend.matmul_at({ a: dy, b: x, output: product });
    backend.scale({ hidden_states: product, factor: scale });
    applyMask(arena, mask, product);
    backend.matmul_bt({ a: product, b: A, output: grad_B, accumulate: true });
    backend.matmul_at({ a: B, b: product, output: grad_A, accumulate: true });
    return;
  }
  const thin = arena.workspace('adapter_states', [x.shape[0], A.shape[0]]);
  backend.matmul_bt({ a: x, b: A, output: thin });
  backend.scale({ hidden_states: thin, factor: scale });
  backend.matmul_at({ a: dy, b: thin, output: grad_B, accumulate: true });
  backend.matmul({ a: dy, b: B, output: thin });
  backend.scale({ hidden_states: thin, factor: scale });
  backend.matmul_at({ a: thin, b: x, output: grad_A, accumulate: true });
}

/** Weights that are trained as they are, by what is stored: norms, biases, shortcuts. They change in place. */
export type WholeWeights = ReadonlyMap<WeightRef, Tensor>;

/** (in) of some linears: what each input counts, after adapters are merged. Zeros are inputs that are gone. */
export type ColumnScales = ReadonlyMap<WeightRef, Tensor>;

/** Loads linears with their adapters merged, and weights that are trained whole as they are now. Nothing stays packed: all are floats. */
export class AdaptedLoader extends WeightLoader {
  constructor(
    private readonly own: Arena,
    private readonly adapters: ReadonlyMap<WeightRef, Adapter>,
    private readonly whole: WholeWeights = new Map(),
    private readonly columns: ColumnScales = new Map(),
  ) {
    super(own);
  }

  override prefetch(refs: readonly (WeightRef | undefined)[]): void {
    super.prefetch(refs.filter((ref) => !ref || !this.whole.has(ref)));
  }

  /** A copy, for whoever frees it. */
  override async load(ref: WeightRef, rows?: RowRange): Promise<Tensor> {
    const trained = rows ? undefined : this.whole.get(ref);
    if (!trained) return super.load(ref, rows);
    const copy = this.own.empty(trained.shape, trained.label);
    this.own.backend.copy(trained, copy);
    return copy;
  }

  override async linear(linear: Linear): Promise<DeviceLinear> {
    const loaded = await super.linear(linear);
    const adapter = this.adapters.get(linear.weight);
    if (adapter) mergeAdapter(this.own, adapter, loaded.weight);
    const scale = this.columns.get(linear.weight);
    if (!scale) return loaded;
    const { weight } = loaded;
    const output = this.own.empty(weight.shape, weight.label);
    this.own.backend.scale_columns({ weight, scale, output });
    this.own.free(weight);
    return { ...loaded, weight: output };
  }
}

/** No linear has one. */
export const NO_ADAPTERS: ReadonlyMap<WeightRef, Adapter> = new Map();

/** No weight is trained whole. */
export const noWeight: ConstructorParameters<typeof Gradients>[1] = () => false;
