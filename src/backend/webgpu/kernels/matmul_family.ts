/**
 * @file What matmul, matmul_bt and matmul_at share: a register-tiled kernel over vec4 for sizes and strides that are
 * multiples of 4, its twin with larger tiles for software adapters, and a plain kernel for all other sizes.
 */
import type { MatmulArgs } from '../../backend.ts';
import type { MatmulSizes } from '../../shapes.ts';
import type { GpuTensor } from '../buffers.ts';
import type { GpuContext } from '../context.ts';
import type { FragmentName } from '../fragments.ts';
import { defineKernel } from '../kernel.ts';
import { rowParts, window } from '../split.ts';
import { type ProductForm, productPieces } from './product_pieces.ts';

/** Rows and columns of output that one thread of a tiled kernel computes. */
const TILE = 8;

/** Rows and columns of output that one workgroup of a subgroup kernel computes. */
const WIDE_ROWS = 32;
const WIDE_COLUMNS = 64;

/** A wide tile does twice the work in the same time; beyond this share of idle elements the small one wins. */
const MAX_PADDING = 1.75;

const storage = { a: 'read', b: 'read', output: 'read_write' } as const;
const params = {
  ...({ m: 'u32', n: 'u32', k: 'u32' } as const),
  ...({ a_stride: 'u32', b_stride: 'u32', output_stride: 'u32', accumulate: 'u32' } as const),
} as const;
const work = ({ m, n, k }: { m: number; n: number; k: number }) => m * n * k;

/** @param operands The fragments that give `left` and `right`, for one step of the tile. */
export function defineTiled(name: string, source: string, operands: readonly FragmentName[]) {
  return defineKernel({
    name,
    source,
    common: ['tile_8x8', ...operands, 'matmul_vec4', 'matmul_params'],
    storage,
    params,
    overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8 },
    grid: ({ m, n }, { WORKGROUP_X, WORKGROUP_Y }) => [
      Math.ceil(n / (TILE * WORKGROUP_X)),
      Math.ceil(m / (TILE * WORKGROUP_Y)),
    ],
    work,
  });
}

/** The same tiles with both sides in workgroup memory. */
export function defineShared(name: string, source: string, operands: readonly FragmentName[]) {
  return defineKernel({
    name,
    source,
    common: ['tile_8x8_shared', ...operands, 'matmul_vec4', 'matmul_params'],
    storage,
    params,
    overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8, K_STEP: 2 },
    grid: ({ m, n }, { WORKGROUP_X, WORKGROUP_Y }) => [
      Math.ceil(n / (TILE * WORKGROUP_X)),
      Math.ceil(m / (TILE * WORKGROUP_Y)),
    ],
    work,
  });
}

export function defineSubgroup(name: string, source: string, operands: readonly FragmentName[]) {
  return defineKernel({
    name,
    source,
    common: ['tile_32x16', 'share', ...operands, 'matmul_vec4', 'matmul_params'],
    storage,
    params,
    overrides: { WORKGROUP_SIZE: WIDE_COLUMNS / 16 },
    grid: ({ m, n }) => [Math.ceil(n / WIDE_COLUMNS), Math.ceil(m / WIDE_ROWS)],
    work,
  });
}

export function defineAny(name: string, source: string) {
  return defineKernel({
    name,
    source,
    common: ['matmul_f32', 'matmul_params'],
    storage,
    params,
    overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8 },
    grid: ({ m, n }, { WORKGROUP_X, WORKGROUP_Y }) => [Math.ceil(n / WORKGROUP_X), Math.ceil(m / WORKGROUP_Y)],
    work,
  });
}

/** Whether a subgroup kernel is to compute m × n elements: on software adapters, and if its tiles fit well enough. */
export function isWideTileWorthwhile(context: GpuContext, m: number, n: number): boolean {
  const padded = Math.ceil(m / WIDE_ROWS) * WIDE_ROWS * Math.ceil(n / WIDE_COLUMNS) * WIDE_COLUMNS;
  return context.prefersWideTiles && padded <= MAX_PADDING * m * n;
}

export interface MatmulKernels {
  tiled: ReturnType<typeof defineTiled>;
  shared: ReturnType<typeof defineShared>;
  subgroup: ReturnType<typeof defineSubgroup>;
  any: ReturnType<typeof defineAny>;
}

/** One dispatch: a kernel over vec4 where all strides and sizes allow it, else the one for any size. */
function dispatchPiece(context: GpuContext, form: ProductForm, kernels: MatmulKernels, call: MatmulCall): void {
  const { m, n, k, a_stride, b_stride, output_stride } = call;
  const strides = form === 'at' ? [n, a_stride, b_stride, output_stride] : [n, k, a_stride, b_stride, output_stride];
  if (!strides.every((size) => size % 4 === 0)) kernels.any(context, call);
  else if (isWideTileWorthwhile(context, m, n)) kernels.subgroup(context, call);
  else {
    const variant = context.matmulVariant;
    const { WORKGROUP_X, WORKGROUP_Y } = variant;
    if (variant.kernel === 'tiled') kernels.tiled(context, call, { WORKGROUP_X, WORKGROUP_Y });
    else kernels.shared(context, call, { WORKGROUP_X, WORKGROUP_Y, K_STEP: variant.K_STEP });
  }
}

interface MatmulCall extends MatmulSizes {
  a: GpuTensor;
  b: GpuTensor;
  output: GpuTensor;
  output_stride: number;
  accumulate: number;
}

/**
 * The product in as many dispatches as memory and time ask for: operands in parts are taken part by part, and none lasts
 * longer than a display driver is patient (`WorkBudget`).
 * @param accumulate Adds to what output holds.
 */
export function dispatchMatmul(
  context: GpuContext,
  form: ProductForm,
  kernels: MatmulKernels,
  { a, b, output }: MatmulArgs,
  sizes: MatmulSizes,
  accumulate = false,
): void {
  const { n, a_stride, b_stride } = sizes;
  const operands = { a: rowParts(a), b: rowParts(b), output: rowParts(output) };
  for (const piece of productPieces(form, sizes, operands, context.budget.perDispatch)) {
    const { m: rows, n: columns, k: steps } = piece;
    const [at, bt] = [form === 'at', form === 'bt'];
    dispatchPiece(context, form, kernels, {
      a: window(operands.a, at ? steps.start : rows.start, at ? rows.start : steps.start, a_stride),
      b: window(operands.b, bt ? columns.start : steps.start, bt ? steps.start : columns.start, b_stride),
      output: window(operands.output, rows.start, columns.start, n),
      m: rows.end - rows.start,
      n: columns.end - columns.start,
      k: steps.end - steps.start,
      a_stride,
      b_stride,
      output_stride: n,
      accumulate: accumulate || steps.start > 0 ? 1 : 0,
    });
  }
}
