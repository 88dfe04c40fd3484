/**
 * @file LoRA (arXiv 2106.09685): W + scale·B·A in the place of a linear's weight. Adapters are merged as a layer is loaded, so that
 * the forward pass is the one that everything else runs, and what is measured while training is what is written at its end.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { Arena } from '../arena.ts';
import { type Rounding, straightThrough } from './rounding.ts';

export interface Adapter {
  readonly kind: 'low_rank';
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
  /** Of W + scale·B·A, before it multiplies. Not beside a mask. */
  readonly rounding?: Rounding;
}

export interface AdapterValues {
  readonly A: ArrayLike<number>;
  readonly B: ArrayLike<number>;
  readonly scale: number;
  readonly mask?: ArrayLike<number>;
  readonly rounding?: Rounding;
}

/** @param mask, rounding As {@link Adapter} has them. */
export function createAdapter(
  arena: Arena,
  { A, B, scale, mask, rounding }: AdapterValues,
  [rows, columns]: readonly number[],
  name: string,
): Adapter {
  const rank = A.length / columns;
  const make = (values: ArrayLike<number>, shape: number[], part: string) =>
    arena.own(arena.backend.fromArray(values, shape, `${name} ${part}`));
  return {
    kind: 'low_rank',
    A: make(A, [rank, columns], 'A'),
    B: make(B, [rows, rank], 'B'),
    scale,
    grad_A: arena.empty([rank, columns], `grad ${name} A`),
    grad_B: arena.empty([rows, rank], `grad ${name} B`),
    ...(mask && { mask: make(mask, [rows, columns], 'mask') }),
    ...(rounding && { rounding }),
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

/**
 * Gradients of the factors of y = x·(W + scale·B·A)ᵀ: u = x·Aᵀ, grad_B += scale·dyᵀ·u, grad_A += (scale·dy·B)ᵀ·x.
 * @param unrounded W + scale·B·A, where it is rounded before it multiplies.
 */
export function adapterBackward(arena: Arena, adapter: Adapter, x: Tensor, dy: Tensor, unrounded?: Tensor): void {
  const { backend } = arena;
  const { A, B, scale, grad_A, grad_B, mask, rounding } = adapter;
  if (mask || rounding?.kind === 'grid') {
    // Of what is kept of B·A alone: dW = mask ⊙ dyᵀ·x, grad_B += scale·dW·Aᵀ, grad_A += scale·Bᵀ·dW.
    const product = arena.workspace('adapter_product', [B.shape[0], A.shape[1]]);
    backend.matmul_at({ a: dy, b: x, output: product });
    backend.scale({ hidden_states: product, factor: scale });
    if (mask) applyMask(arena, mask, product);
    if (rounding && unrounded) straightThrough(arena, rounding, unrounded, product);
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
