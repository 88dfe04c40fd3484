/** @file What matmul, matmul_bt and matmul_at share: which kernel takes a product, and in how many dispatches. */
import type { MatmulBtArgs } from '../../backend.ts';
import type { MatmulSizes } from '../../shapes.ts';
import { asGpuTensor } from '../buffers.ts';
import type { GpuContext } from '../context.ts';
import { rowParts, window } from '../split.ts';
import { ACTIVATION_CODES } from './activations.ts';
import { ANY_WORK, BY_PARAMS, FACTOR, type MatmulCall, type MatmulKernel, PANEL_COLUMNS } from './matmul_kernels.ts';
import { type ProductForm, productPieces } from './product_pieces.ts';

/** Beyond this share of idle columns a small tile wins. */
const MAX_PADDING = 1.75;

/** Whether a panel kernel is to compute n columns: on software adapters, in eights, and where they fit well enough. */
export function isPanelWorthwhile(context: GpuContext, n: number): boolean {
  return context.prefersWideTiles && n % 8 === 0 && Math.ceil(n / PANEL_COLUMNS) * PANEL_COLUMNS <= MAX_PADDING * n;
}

export interface MatmulKernels {
  tiled: MatmulKernel;
  shared: MatmulKernel;
  subgroup: MatmulKernel;
  any: MatmulKernel;
}

/** Whether rows of all operands can be bound as vec4. */
function isVec4(
  form: ProductForm,
  { n, k, a_stride, b_stride, output_stride }: Omit<MatmulSizes, 'm'> & { output_stride: number },
): boolean {
  const strides = [n, a_stride, b_stride, output_stride];
  return strides.every((size) => size % 4 === 0) && (form === 'at' || k % 4 === 0);
}

/** One pipeline for all: a panel kernel takes a quarter of a second to compile on a software adapter. */
export function anyFactors({ ACTIVATION = 0 }: Readonly<Record<string, number>>) {
  return { HAS_ROW_SCALE: BY_PARAMS, HAS_GATE: BY_PARAMS, ACTIVATION };
}

/** One dispatch: a kernel over vec4 where all strides and sizes allow it, else the one for any size. */
function dispatchPiece(
  context: GpuContext,
  form: ProductForm,
  kernels: MatmulKernels,
  call: MatmulCall,
  factors: Readonly<Record<string, number>>,
): void {
  // A panel kernel multiplies by factors when the output is nothing but the product.
  const isFactoredSum = call.accumulate !== 0 && call.factors !== 0;
  if (!isVec4(form, call)) kernels.any(context, call, factors);
  else if (!isFactoredSum && isPanelWorthwhile(context, call.n))
    kernels.subgroup(context, call, form === 'bt' ? anyFactors(factors) : {});
  else {
    const variant = context.matmulVariant;
    const { WORKGROUP_X, WORKGROUP_Y } = variant;
    if (variant.kernel === 'tiled') kernels.tiled(context, call, { WORKGROUP_X, WORKGROUP_Y, ...factors });
    else kernels.shared(context, call, { WORKGROUP_X, WORKGROUP_Y, K_STEP: variant.K_STEP, ...factors });
  }
}

/**
 * The product in as many dispatches as memory and time ask for: operands in parts are taken part by part, and none lasts
 * longer than a display driver is patient (`WorkBudget`). Factors multiply every piece along k alike, since a sum times a
 * factor is the sum of its terms times the factor.
 * @param args The factors of `MatmulBtArgs` for the kernels of matmul_bt only.
 * @param columns Where the product's columns stand in output and gate, when they are some of them; `first` a multiple of 64.
 */
export function dispatchMatmul(
  context: GpuContext,
  form: ProductForm,
  kernels: MatmulKernels,
  { a, b, output, accumulate = false, row_scale, gate }: MatmulBtArgs,
  sizes: MatmulSizes,
  columns: { first: number; of: number } = { first: 0, of: sizes.n },
): void {
  const { a_stride, b_stride } = sizes;
  const output_stride = columns.of;
  const operands = { a: rowParts(a), b: rowParts(b), output: rowParts(output) };
  const scales = row_scale && asGpuTensor(row_scale);
  const gates = gate && rowParts(gate.states);
  const factors: Record<string, number> = {};
  if (scales) factors.HAS_ROW_SCALE = 1;
  if (gate) Object.assign(factors, { HAS_GATE: 1, ACTIVATION: ACTIVATION_CODES[gate.activation] });
  const macWork = isVec4(form, { ...sizes, output_stride }) ? 1 : ANY_WORK;
  for (const piece of productPieces(form, sizes, operands, context.budget.perDispatch / macWork)) {
    const { m: rows, n: cols, k: steps } = piece;
    const column = columns.first + cols.start;
    const [at, bt] = [form === 'at', form === 'bt'];
    const left = window(operands.a, at ? steps.start : rows.start, at ? rows.start : steps.start, a_stride);
    const call: MatmulCall = {
      a: left,
      b: window(operands.b, bt ? cols.start : steps.start, bt ? steps.start : cols.start, b_stride),
      // A binding without its tensor is filled with one that the kernel does not read as such.
      row_scale: scales?.view(4 * rows.start) ?? left,
      gate: gates ? window(gates, rows.start, column, output_stride) : left,
      output: window(operands.output, rows.start, column, output_stride),
      m: rows.end - rows.start,
      n: cols.end - cols.start,
      k: steps.end - steps.start,
      a_stride,
      b_stride,
      output_stride,
      accumulate: accumulate || steps.start > 0 ? 1 : 0,
      factors: (scales ? FACTOR.row_scale : 0) | (gate ? FACTOR.gate : 0),
    };
    dispatchPiece(context, form, kernels, call, factors);
  }
}
