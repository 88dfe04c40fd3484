/**
 * @file Shape checks shared by every backend: one `checkX` a kernel, which throws `kernel_shape` and returns the sizes
 * and row strides (in elements) that the kernel works with. Both backends accept exactly the same calls.
 *
 * Vectors (norm weights, biases, scales) may be `(d)` or `(1, d)`: only their element count matters. An output is never
 * one of the inputs unless the kernel's arguments say so, because WebGPU forbids such bindings.
 */
import { WhittleError } from '../errors/errors.ts';
import { bytesPerElement, type DType } from '../tensor/dtype.ts';
import { elementCount, formatShape, type Shape } from '../tensor/shape.ts';
import type {
  ActivationArgs,
  AddArgs,
  AddBiasArgs,
  AttentionArgs,
  CenterColumnsArgs,
  CenterRowsArgs,
  CountNonFiniteArgs,
  CovarianceArgs,
  CrossEntropyArgs,
  EighArgs,
  EmbeddingArgs,
  GluArgs,
  LayerNormArgs,
  MatmulArgs,
  RmsNormArgs,
  RotaryArgs,
  ScaleArgs,
  ScaleColumnsArgs,
  SoftCapArgs,
  Tensor,
} from './backend.ts';

export interface MatmulSizes {
  m: number;
  n: number;
  k: number;
  a_stride: number;
  b_stride: number;
}

function fail(kernel: string, message: string, allowed: string, tensor?: Tensor): never {
  throw new WhittleError({
    code: 'kernel_shape',
    message: `${kernel}: ${message}.`,
    place: tensor ? { tensor: tensor.label } : {},
    allowed,
    action: 'This is a fault in Whittle or in a model whose tensors contradict its config.json.',
  });
}

function requireType(kernel: string, name: string, tensor: Tensor, type: Tensor['type']): void {
  if (tensor.type !== type) fail(kernel, `${name} has type ${tensor.type}`, `a ${type} tensor`, tensor);
}

/** An f32 matrix as [rows, columns]. */
function matrix(kernel: string, name: string, tensor: Tensor): [rows: number, columns: number] {
  requireType(kernel, name, tensor, 'f32');
  if (tensor.shape.length !== 2) {
    fail(kernel, `${name} has shape ${formatShape(tensor.shape)}`, 'a matrix: two dimensions', tensor);
  }
  return [tensor.shape[0], tensor.shape[1]];
}

function requireMatrix(kernel: string, name: string, tensor: Tensor, rows: number, columns: number): void {
  const [found_rows, found_columns] = matrix(kernel, name, tensor);
  if (found_rows !== rows || found_columns !== columns) {
    fail(kernel, `${name} has shape ${formatShape(tensor.shape)}`, formatShape([rows, columns]), tensor);
  }
}

function requireVector(kernel: string, name: string, tensor: Tensor, length: number): void {
  requireType(kernel, name, tensor, 'f32');
  const found = elementCount(tensor.shape);
  if (found !== length) fail(kernel, `${name} has ${found} elements`, `${length} elements`, tensor);
}

function requireIds(kernel: string, name: string, tensor: Tensor, length: number): void {
  requireType(kernel, name, tensor, 'u32');
  const found = elementCount(tensor.shape);
  if (found !== length) fail(kernel, `${name} has ${found} elements`, `${length} elements`, tensor);
}

function requireDistinct(kernel: string, output: Tensor, ...inputs: (Tensor | undefined)[]): void {
  if (inputs.includes(output)) fail(kernel, 'output is one of the inputs', 'a tensor of its own as output', output);
}

function requireInteger(kernel: string, name: string, value: number, minimum: number): void {
  if (!Number.isInteger(value) || value < minimum) {
    fail(kernel, `${name} is ${value}`, `a whole number, at least ${minimum}`);
  }
}

function requireAtLeast(kernel: string, what: string, found: number, minimum: number, tensor: Tensor): void {
  if (found < minimum) fail(kernel, `${what} are ${found}`, `at least ${minimum}`, tensor);
}

/** Element count of a shape that a tensor may have: every dimension a whole number, at least 1. */
export function checkShape(shape: Shape, label: string): number {
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 1)) {
    throw new WhittleError({
      code: 'kernel_shape',
      message: `A tensor of shape ${formatShape(shape)} was asked for.`,
      place: { tensor: label },
      allowed: 'dimensions that are whole numbers, at least 1',
    });
  }
  return elementCount(shape);
}

/** Element count; throws where `values` has another length than the shape. */
export function checkFromArray(values: ArrayLike<number>, shape: Shape, label: string): number {
  const elements = checkShape(shape, label);
  if (values.length !== elements) {
    throw new WhittleError({
      code: 'kernel_shape',
      message: `${values.length} values were given for a tensor of shape ${formatShape(shape)}.`,
      place: { tensor: label },
      allowed: `${elements} values`,
    });
  }
  return elements;
}

/** Element count; throws where the bytes are not exactly the shape's. */
export function checkDecode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): number {
  const elements = checkShape(shape, label);
  const expected = elements * bytesPerElement(dtype);
  if (bytes.byteLength !== expected) {
    throw new WhittleError({
      code: 'kernel_shape',
      message: `${bytes.byteLength} bytes were given for a ${dtype} tensor of shape ${formatShape(shape)}.`,
      place: { tensor: label },
      allowed: `${expected} bytes`,
    });
  }
  return elements;
}

export function checkCopy(from: Tensor, to: Tensor): { elements: number } {
  const elements = elementCount(from.shape);
  requireType('copy', 'to', to, from.type);
  if (elementCount(to.shape) !== elements) {
    fail(
      'copy',
      `to has shape ${formatShape(to.shape)}`,
      `${elements} elements, as ${formatShape(from.shape)} has`,
      to,
    );
  }
  requireDistinct('copy', to, from);
  return { elements };
}

export function checkEmbedding(args: EmbeddingArgs): { rows: number; d: number; table_rows: number } {
  const [table_rows, d] = matrix('embedding', 'weight', args.weight);
  const rows = elementCount(args.input_ids.shape);
  requireIds('embedding', 'input_ids', args.input_ids, rows);
  requireMatrix('embedding', 'output', args.output, rows, d);
  requireInteger('embedding', 'first_row', args.first_row, 0);
  requireDistinct('embedding', args.output, args.weight);
  return { rows, d, table_rows };
}

/** `rows` stretches of `d` elements: rows of the matrix, or parts of them where `width` is given. */
export function checkRmsNorm(args: RmsNormArgs): { rows: number; d: number } {
  const [rows, columns] = matrix('rms_norm', 'hidden_states', args.hidden_states);
  const d = args.width ?? columns;
  requireInteger('rms_norm', 'width', d, 1);
  if (columns % d !== 0) fail('rms_norm', `width is ${d}`, `a divisor of the row length ${columns}`);
  if (args.weight) requireVector('rms_norm', 'weight', args.weight, d);
  if (args.bias) requireVector('rms_norm', 'bias', args.bias, d);
  requireMatrix('rms_norm', 'output', args.output, rows, columns);
  requireInteger('rms_norm', 'normalized_size', args.normalized_size, 1);
  requireDistinct('rms_norm', args.output, args.hidden_states, args.weight, args.bias);
  return { rows: rows * (columns / d), d };
}

export function checkLayerNorm(args: LayerNormArgs): { rows: number; d: number } {
  const [rows, d] = matrix('layer_norm', 'hidden_states', args.hidden_states);
  if (args.weight) requireVector('layer_norm', 'weight', args.weight, d);
  if (args.bias) requireVector('layer_norm', 'bias', args.bias, d);
  requireMatrix('layer_norm', 'output', args.output, rows, d);
  requireDistinct('layer_norm', args.output, args.hidden_states, args.weight, args.bias);
  return { rows, d };
}

/** a (m, k) · b (k, ≥n) → output (m, n). */
export function checkMatmul(args: MatmulArgs): MatmulSizes {
  const [m, k] = matrix('matmul', 'a', args.a);
  const [b_rows, b_stride] = matrix('matmul', 'b', args.b);
  const [output_rows, n] = matrix('matmul', 'output', args.output);
  if (b_rows !== k) fail('matmul', `b has ${b_rows} rows`, `${k} rows, as a has columns`, args.b);
  requireAtLeast('matmul', 'columns of b', b_stride, n, args.b);
  if (output_rows !== m) fail('matmul', `output has ${output_rows} rows`, `${m} rows, as a has`, args.output);
  requireDistinct('matmul', args.output, args.a, args.b);
  return { m, n, k, a_stride: k, b_stride };
}

/** a (m, k) · b (≥n, ≥k)ᵀ → output (m, n). */
export function checkMatmulBt(args: MatmulArgs): MatmulSizes {
  const [m, k] = matrix('matmul_bt', 'a', args.a);
  const [b_rows, b_stride] = matrix('matmul_bt', 'b', args.b);
  const [output_rows, n] = matrix('matmul_bt', 'output', args.output);
  requireAtLeast('matmul_bt', 'columns of b', b_stride, k, args.b);
  requireAtLeast('matmul_bt', 'rows of b', b_rows, n, args.b);
  if (output_rows !== m) fail('matmul_bt', `output has ${output_rows} rows`, `${m} rows, as a has`, args.output);
  requireDistinct('matmul_bt', args.output, args.a, args.b);
  return { m, n, k, a_stride: k, b_stride };
}

/** a (k, ≥m)ᵀ · b (k, ≥n) → output (m, n). */
export function checkMatmulAt(args: MatmulArgs): MatmulSizes {
  const [k, a_stride] = matrix('matmul_at', 'a', args.a);
  const [b_rows, b_stride] = matrix('matmul_at', 'b', args.b);
  const [m, n] = matrix('matmul_at', 'output', args.output);
  if (b_rows !== k) fail('matmul_at', `b has ${b_rows} rows`, `${k} rows, as a has`, args.b);
  requireAtLeast('matmul_at', 'columns of a', a_stride, m, args.a);
  requireAtLeast('matmul_at', 'columns of b', b_stride, n, args.b);
  requireDistinct('matmul_at', args.output, args.a, args.b);
  return { m, n, k, a_stride, b_stride };
}

export function checkAddBias(args: AddBiasArgs): { rows: number; d: number } {
  const [rows, d] = matrix('add_bias', 'hidden_states', args.hidden_states);
  requireVector('add_bias', 'bias', args.bias, d);
  requireDistinct('add_bias', args.hidden_states, args.bias);
  return { rows, d };
}

/** `half` = dim/2, the number of pairs a head; columns from dim on are left alone. */
export function checkRotary(args: RotaryArgs): { rows: number; row_stride: number; half: number } {
  const { states, cos, sin, seqlen, heads, head_dim } = args;
  requireInteger('rotary', 'seqlen', seqlen, 1);
  requireInteger('rotary', 'heads', heads, 1);
  requireInteger('rotary', 'head_dim', head_dim, 2);
  const [rows, row_stride] = matrix('rotary', 'states', states);
  if (row_stride !== heads * head_dim) {
    fail('rotary', `states has ${row_stride} columns`, `heads · head_dim = ${heads * head_dim}`, states);
  }
  if (rows % seqlen !== 0) fail('rotary', `states has ${rows} rows`, `a multiple of seqlen ${seqlen}`, states);
  const [positions, half] = matrix('rotary', 'cos', cos);
  requireAtLeast('rotary', 'rows of cos', positions, seqlen, cos);
  if (2 * half > head_dim) fail('rotary', `cos has ${half} columns`, `at most head_dim/2 = ${head_dim / 2}`, cos);
  requireMatrix('rotary', 'sin', sin, positions, half);
  requireDistinct('rotary', states, cos, sin);
  return { rows, row_stride, half };
}

/** `group`: query heads that share one key/value head. */
export function checkAttention(args: AttentionArgs): { rows: number; batch: number; group: number } {
  const { query, key, value, output, seqlen, heads, kv_heads, head_dim } = args;
  for (const [name, size] of Object.entries({ seqlen, heads, kv_heads, head_dim })) {
    requireInteger('attention', name, size, 1);
  }
  if (heads % kv_heads !== 0) {
    fail('attention', `${heads} heads share ${kv_heads} key/value heads`, 'a whole number of heads for each');
  }
  const [rows] = matrix('attention', 'query', query);
  if (rows % seqlen !== 0) fail('attention', `query has ${rows} rows`, `a multiple of seqlen ${seqlen}`, query);
  requireMatrix('attention', 'query', query, rows, heads * head_dim);
  requireMatrix('attention', 'key', key, rows, kv_heads * head_dim);
  requireMatrix('attention', 'value', value, rows, kv_heads * head_dim);
  requireMatrix('attention', 'output', output, rows, heads * head_dim);
  if (args.window !== undefined) requireInteger('attention', 'window', args.window, 1);
  if (args.slopes) requireVector('attention', 'slopes', args.slopes, heads);
  requireDistinct('attention', output, query, key, value, args.slopes);
  return { rows, batch: rows / seqlen, group: heads / kv_heads };
}

export function checkGlu(args: GluArgs): { elements: number } {
  const [rows, columns] = matrix('glu', 'gate', args.gate);
  requireMatrix('glu', 'up', args.up, rows, columns);
  requireMatrix('glu', 'output', args.output, rows, columns);
  requireDistinct('glu', args.output, args.gate, args.up);
  return { elements: rows * columns };
}

export function checkActivation(args: ActivationArgs): { elements: number } {
  const [rows, columns] = matrix('activation', 'hidden_states', args.hidden_states);
  requireMatrix('activation', 'output', args.output, rows, columns);
  requireDistinct('activation', args.output, args.hidden_states);
  return { elements: rows * columns };
}

export function checkScale(args: ScaleArgs): { elements: number } {
  requireType('scale', 'hidden_states', args.hidden_states, 'f32');
  return { elements: elementCount(args.hidden_states.shape) };
}

export function checkSoftCap(args: SoftCapArgs): { elements: number } {
  requireType('soft_cap', 'hidden_states', args.hidden_states, 'f32');
  if (!(args.cap > 0)) fail('soft_cap', `cap is ${args.cap}`, 'a positive number');
  return { elements: elementCount(args.hidden_states.shape) };
}

/** `output` may be `a`, and then the sum is made in place. */
export function checkAdd(args: AddArgs): { elements: number } {
  requireType('add', 'a', args.a, 'f32');
  const elements = elementCount(args.a.shape);
  requireVector('add', 'b', args.b, elements);
  requireVector('add', 'output', args.output, elements);
  requireDistinct('add', args.output, args.b);
  return { elements };
}

export function checkCovariance(args: CovarianceArgs): { rows: number; n: number } {
  const [rows, n] = matrix('covariance', 'hidden_states', args.hidden_states);
  requireMatrix('covariance', 'covariance', args.covariance, n, n);
  requireDistinct('covariance', args.covariance, args.hidden_states);
  return { rows, n };
}

export function checkScaleColumns(args: ScaleColumnsArgs): { rows: number; d: number } {
  const [rows, d] = matrix('scale_columns', 'weight', args.weight);
  requireVector('scale_columns', 'scale', args.scale, d);
  requireMatrix('scale_columns', 'output', args.output, rows, d);
  requireDistinct('scale_columns', args.output, args.weight, args.scale);
  return { rows, d };
}

export function checkCenterRows(args: CenterRowsArgs): { rows: number; d: number } {
  const [rows, d] = matrix('center_rows', 'hidden_states', args.hidden_states);
  return { rows, d };
}

export function checkCenterColumns(args: CenterColumnsArgs): { rows: number; n: number } {
  const [rows, n] = matrix('center_columns', 'weight', args.weight);
  return { rows, n };
}

export function checkCrossEntropy(args: CrossEntropyArgs): { rows: number; n: number } {
  const [rows, n] = matrix('cross_entropy', 'logits', args.logits);
  requireIds('cross_entropy', 'target_ids', args.target_ids, rows);
  requireMatrix('cross_entropy', 'state', args.state, rows, 4);
  requireInteger('cross_entropy', 'first_column', args.first_column, 0);
  requireDistinct('cross_entropy', args.state, args.logits);
  return { rows, n };
}

export function checkCountNonFinite(args: CountNonFiniteArgs): { elements: number } {
  requireType('count_non_finite', 'tensor', args.tensor, 'f32');
  requireType('count_non_finite', 'counts', args.counts, 'u32');
  requireInteger('count_non_finite', 'index', args.index, 0);
  requireAtLeast(
    'count_non_finite',
    'elements of counts',
    elementCount(args.counts.shape),
    args.index + 1,
    args.counts,
  );
  return { elements: elementCount(args.tensor.shape) };
}

export function checkEigh(args: EighArgs): { n: number } {
  const [n] = matrix('eigh', 'covariance', args.covariance);
  requireMatrix('eigh', 'covariance', args.covariance, n, n);
  return { n };
}
