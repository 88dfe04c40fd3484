/**
 * @file Products with matrices that are decoded as they are multiplied (grouped integers, two of four): for few rows
 * straight from what is stored; for more, a panel of rows of b is written as floats right before the usual kernels read it, and
 * then the next in its place, so that no matrix is ever there as floats as a whole.
 */
import type { MatmulBtArgs } from '../../backend.ts';
import { checkMatmulBt, type MatmulSizes } from '../../shapes.ts';
import { asGpuTensor, type GpuTensor } from '../buffers.ts';
import type { GpuContext } from '../context.ts';
import { rowParts, window } from '../split.ts';
import { ACTIVATION_CODES } from './activations.ts';
import { dispatchMatmul, type MatmulKernels } from './matmul_family.ts';
import { CUT, productPieces } from './product_pieces.ts';

/** Of a multiply-add from what is stored, in those of a tile. */
export const MAC_WORK = 4;

/** What all kernels for few rows are given; shaders/common/few_rows.wgsl. */
export const FEW_ROWS = {
  storage: { a: 'read', b: 'read', row_scale: 'read', gate: 'read', output: 'read_write' } as const,
  params: { m: 'u32', n: 'u32', k: 'u32', output_stride: 'u32', accumulate: 'u32', first_output: 'u32' } as const,
  overrides: { LANES: 16, OUTPUTS: 4, ROWS: 1, TAIL: 0, HAS_ROW_SCALE: 0, HAS_GATE: 0, ACTIVATION: 0 },
  grid: ({ m, n }: { m: number; n: number }, { OUTPUTS, ROWS }: { OUTPUTS: number; ROWS: number }) =>
    [Math.ceil(n / OUTPUTS), Math.ceil(m / ROWS)] as const,
  work: ({ m, n, k }: { m: number; n: number; k: number }) => MAC_WORK * m * n * k,
};

type FewRows = { [K in keyof typeof FEW_ROWS.storage]: GpuTensor | MatmulBtArgs['b'] } & {
  [K in keyof typeof FEW_ROWS.params]: number;
};
interface Panel {
  b: MatmulBtArgs['b'];
  output: GpuTensor;
  n: number;
  k: number;
  first_output: number;
}

/** The kernels of a way to store a matrix, bound to where its parts are. */
export interface DecodingKernels {
  multiply(context: GpuContext, call: FewRows, overrides: { [K in keyof typeof FEW_ROWS.overrides]?: number }): void;
  unpack(context: GpuContext, call: Panel): void;
}

/** Up to so many rows go by the codes. */
export const MOST_CODE_ROWS = 4;

/** Floats of a panel at most, unless 64 rows are more. */
const PANEL_FLOATS = 2 ** 19;

/** Barriers are what software adapters are slow at: there a thread has a column of output for itself. */
const SOFTWARE_SHAPE = { LANES: 1, OUTPUTS: 16 } as const;

/** @param kernels Of matmul_bt, for the panels. */
export function decodedProduct(
  context: GpuContext,
  args: MatmulBtArgs,
  decoding: DecodingKernels,
  kernels: MatmulKernels,
): void {
  const sizes = checkMatmulBt(args);
  if (sizes.m <= MOST_CODE_ROWS) fromCodes(context, args, sizes, decoding);
  else byPanels(context, args, sizes, decoding, kernels);
}

function fromCodes(context: GpuContext, args: MatmulBtArgs, sizes: MatmulSizes, decoding: DecodingKernels): void {
  const { row_scale, gate, accumulate = false } = args;
  const { m, n, k } = sizes;
  const operands = { a: rowParts(args.a), b: rowParts(args.b), output: rowParts(args.output) };
  const gates = gate && rowParts(gate.states);
  const overrides = {
    ...(context.isFallbackAdapter ? SOFTWARE_SHAPE : {}),
    ...{ ROWS: m > 1 ? 4 : 1, TAIL: k % 4 === 0 ? 0 : 1, HAS_ROW_SCALE: row_scale ? 1 : 0, HAS_GATE: gate ? 1 : 0 },
    ACTIVATION: gate ? ACTIVATION_CODES[gate.activation] : 0,
  };
  for (const piece of productPieces('bt', sizes, operands, context.budget.perDispatch / MAC_WORK)) {
    const [row, column] = [piece.m.start, piece.n.start];
    const a = window(operands.a, row, 0, k);
    const call = {
      ...{ a, b: args.b, accumulate: accumulate ? 1 : 0, first_output: column },
      // A binding without its tensor is filled with one that the kernel does not read as such.
      row_scale: row_scale ? asGpuTensor(row_scale).view(4 * row) : a,
      gate: gates ? window(gates, row, column, n) : a,
      output: window(operands.output, row, column, n),
      ...{ m: piece.m.end - row, n: piece.n.end - column, k, output_stride: n },
    };
    decoding.multiply(context, call, overrides);
  }
}

function byPanels(
  context: GpuContext,
  args: MatmulBtArgs,
  sizes: MatmulSizes,
  decoding: DecodingKernels,
  kernels: MatmulKernels,
): void {
  const { n, k } = sizes;
  const most = Math.max(CUT, Math.floor(PANEL_FLOATS / k / CUT) * CUT);
  const floats = context.tensor([Math.min(most, n), k], 'f32', `panel of ${args.b.label}`);
  for (let first = 0; first < n; first += most) {
    const rows = Math.min(most, n - first);
    const panel: GpuTensor = floats.view(0, [rows, k]);
    const call = { b: args.b, output: panel, n: rows, k, first_output: first };
    decoding.unpack(context, call);
    dispatchMatmul(context, 'bt', kernels, { ...args, b: panel }, { ...sizes, n: rows, b_stride: k }, { first, of: n });
  }
  context.retire(floats);
}
