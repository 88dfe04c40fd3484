/** @file Kernels over matrices that are kept in parts (`split.ts`). */
import { WhittleError } from '../../errors/errors.ts';
import type {
  CenterColumnsArgs,
  CovarianceArgs,
  Eigendecomposition,
  EighArgs,
  EmbeddingArgs,
  Tensor,
} from '../backend.ts';
import { symmetricEigen } from '../linalg/symmetric_eigen.ts';
import { checkCovariance, checkEigh } from '../shapes.ts';
import { asGpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import { add_bias } from './kernels/add_bias.ts';
import { center_columns } from './kernels/center_columns.ts';
import { covariance } from './kernels/covariance.ts';
import { embedding } from './kernels/embedding.ts';
import { matmul } from './kernels/matmul.ts';
import { matmul_at } from './kernels/matmul_at.ts';
import { scale } from './kernels/scale.ts';
import { isSplit, rowParts } from './split.ts';

type Kernel<A> = (context: GpuContext, args: A) => void;

/**
 * Runs a kernel whose rows do not know of each other, block by block where its matrices are in parts.
 * @param names Arguments that have the kernel's rows. The smallest parts are taken; those of the others must hold them whole.
 * @param unit Consecutive rows that belong together.
 * @throws `limit_exceeded` where parts do not match.
 */
export function eachPart<A extends object>(
  context: GpuContext,
  kernel: Kernel<A>,
  args: A,
  names: readonly (keyof A & string)[],
  unit = 1,
): void {
  const tensors = names.map((name) => args[name] as Tensor);
  const [split] = tensors.filter((tensor) => isSplit(tensor)).sort((x, y) => y.parts.length - x.parts.length);
  if (!split) {
    kernel(context, args);
    return;
  }
  const calls = split.parts.map(({ first, rows }) => {
    if (rows % unit !== 0) throw unlikeParts(split);
    const part = Object.fromEntries(names.map((name, i) => [name, rowsOf(tensors[i], first, rows)]));
    return { ...args, ...part };
  });
  for (const call of calls) kernel(context, call);
}

/** Some rows of a matrix, which lie in one part of it. */
function rowsOf(tensor: Tensor, first: number, rows: number): Tensor {
  const part = rowParts(tensor).parts.findLast((one) => one.first <= first);
  if (!part || part.first + part.rows < first + rows) throw unlikeParts(tensor);
  if (part.first === first && part.rows === rows) return part.tensor;
  const columns = tensor.shape[1];
  return part.tensor.view(4 * (first - part.first) * columns, [rows, columns]);
}

/**
 * XᵀX into a matrix in parts, as products: sums are rounded to f32, `low` is not used, and elements below the diagonal are
 * filled too. Only where one (n, n) exceeds a binding: n = 8,192 on a device that raises no limit.
 */
export function splitCovariance(context: GpuContext, args: CovarianceArgs): void {
  if (!isSplit(args.covariance)) {
    eachPart(context, covariance, args, ['hidden_states']);
    return;
  }
  checkCovariance(args);
  const { hidden_states: x, covariance: output } = args;
  matmul_at(context, { a: x, b: x, output, accumulate: true });
}

/** Part by part of the output and of the table: tokens outside a part of the table leave their rows alone. */
export function splitEmbedding(context: GpuContext, args: EmbeddingArgs): void {
  if (!isSplit(args.output) && !isSplit(args.weight)) {
    embedding(context, args);
    return;
  }
  const input_ids = asGpuTensor(args.input_ids);
  for (const { first, rows, tensor: output } of rowParts(args.output).parts) {
    const ids = input_ids.view(4 * first, [rows]);
    for (const { first: skipped, tensor: weight } of rowParts(args.weight).parts) {
      embedding(context, { input_ids: ids, weight, first_row: args.first_row + skipped, output });
    }
  }
}

/** Means as a product with ones, then their subtraction from every row. */
export function splitCenterColumns(context: GpuContext, { weight }: CenterColumnsArgs): void {
  if (!isSplit(weight)) {
    center_columns(context, { weight });
    return;
  }
  const [rows, n] = weight.shape;
  const ones = context.tensor([1, rows], 'f32', 'ones');
  context.upload(ones, new Uint8Array(new Float32Array(rows).fill(1).buffer));
  const bias = context.tensor([1, n], 'f32', 'column_means');
  matmul(context, { a: ones, b: weight, output: bias });
  scale(context, { hidden_states: bias, factor: -1 / rows });
  eachPart(context, add_bias, { hidden_states: weight, bias }, ['hidden_states']);
  context.retire(ones);
  context.retire(bias);
}

/** In f64 on the host: the compute passes want the matrix in one binding. */
export async function splitEigh(
  values: ArrayLike<number>,
  { covariance, signal }: EighArgs,
  fill: (vectors: Float64Array) => Tensor,
): Promise<Eigendecomposition> {
  const { n } = checkEigh({ covariance });
  const { eigenvalues, eigenvectors } = await symmetricEigen(Float64Array.from(values), n, signal);
  return { eigenvalues, eigenvectors: fill(eigenvectors), sweeps: 0, solver: 'householder-dc-f64' };
}

function unlikeParts(tensor: Tensor): WhittleError {
  return new WhittleError({
    code: 'limit_exceeded',
    message: 'A tensor exceeds what this adapter binds at once, and its kernel cannot take it in parts.',
    place: { tensor: tensor.label },
    action: 'Use shorter windows, or run on the CPU (backend "cpu").',
  });
}
