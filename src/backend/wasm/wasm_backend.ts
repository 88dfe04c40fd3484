/**
 * @file The backend of machines without a GPU: f32 tensors in the host's memory, products in WebAssembly SIMD on all
 * threads (`tasks.ts`), covariances and the eigensolver in f64. Kernels run at the call.
 *
 * On one thread a product reaches 36–46 GFLOP/s where onnxruntime-web's wasm provider reaches 18–27 (AMD EPYC, Node 20,
 * 512³ and the shapes of a 135 M model; with fused multiply-add 40–55), and its operands need not be copied into another
 * heap: that is why no session of onnxruntime-web runs here.
 */
import { WhittleError } from '../../errors/errors.ts';
import { decodeStored } from '../../tensor/decode.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import type {
  ActivationArgs,
  AttentionArgs,
  Backend,
  BackendInfo,
  CovarianceArgs,
  CrossEntropyArgs,
  Eigendecomposition,
  EighArgs,
  GluArgs,
  MatmulArgs,
  MatmulBtArgs,
  Tensor,
} from '../backend.ts';
import { HostBackend, MAX_TENSOR_BYTES } from '../cpu/host_backend.ts';
import { doubles, floats, hostTensor, ids, type Values } from '../cpu/tensor.ts';
import { symmetricEigen } from '../linalg/symmetric_eigen.ts';
import type { MatmulSizes } from '../shapes/matrices.ts';
import {
  checkActivation,
  checkAttention,
  checkCovariance,
  checkCrossEntropy,
  checkDecode,
  checkEigh,
  checkGlu,
  checkMatmul,
  checkMatmulAt,
  checkMatmulBt,
} from '../shapes.ts';
import type { Epilogue } from './epilogue.ts';
import { SpareArrays } from './spare_arrays.ts';
import { type ComputeThread, equalRanges, Threads, triangleRanges } from './threads.ts';

const SOLVER = 'householder-dc-f64';

/** Below this many products a second thread costs more than it saves: its message takes about 50 µs. */
const WORTH_SHARING = 2 ** 20;

/** @param threads Further threads; none where memory cannot be shared. They end with the backend. */
export function createWasmBackend(threads: readonly ComputeThread[] = []): Backend {
  return new WasmBackend(new Threads(threads));
}

class WasmBackend extends HostBackend {
  readonly info: BackendInfo;
  protected readonly elementBytes = 4;
  private readonly spare = new SpareArrays();

  constructor(private readonly threads: Threads) {
    super();
    const { count } = threads;
    this.info = {
      kind: 'cpu',
      vendor: '',
      architecture: 'wasm-simd',
      description: `WebAssembly SIMD, ${count === 1 ? 'one thread' : `${count} threads`}; PCA in f64`,
      isFallbackAdapter: false,
      maxTensorBytes: MAX_TENSOR_BYTES,
    };
  }

  matmul(args: MatmulArgs): void {
    this.product(args, checkMatmul(args), false, false);
  }

  matmul_bt(args: MatmulBtArgs): void {
    this.product(args, checkMatmulBt(args), false, true);
  }

  matmul_at(args: MatmulArgs): void {
    this.product(args, checkMatmulAt(args), true, false);
  }

  attention(args: AttentionArgs): void {
    const { rows, batch } = checkAttention(args);
    const { seqlen, heads, kv_heads, head_dim, scale, window, soft_cap } = args;
    const task = {
      ...{ query: singles(args.query), key: singles(args.key), value: singles(args.value) },
      output: output(args.output),
      slopes: args.slopes && singles(args.slopes),
      ...{ seqlen, heads, kv_heads, head_dim, scale, window, soft_cap },
    };
    const threads = this.worth(rows * seqlen * heads * head_dim);
    this.threads.run('attention', task, equalRanges(batch * heads, threads));
  }

  glu(args: GluArgs): void {
    const { elements } = checkGlu(args);
    const { activation } = args;
    const task = { activation, gate: singles(args.gate), up: singles(args.up), output: output(args.output) };
    this.threads.run('activation', task, equalRanges(elements, this.worth(16 * elements)));
  }

  activation(args: ActivationArgs): void {
    const { elements } = checkActivation(args);
    const { activation } = args;
    const task = { activation, gate: singles(args.hidden_states), output: output(args.output) };
    this.threads.run('activation', task, equalRanges(elements, this.worth(64 * elements)));
  }

  /** The tensor becomes f64 with its first sum: 4,096 rows in f32 would lose the directions that slicing cuts. */
  covariance(args: CovarianceArgs): void {
    const { rows, n } = checkCovariance(args);
    const target = hostTensor(args.covariance);
    if (!(target.values instanceof Float64Array)) {
      const gram = new Float64Array(this.buffer(8 * n * n));
      gram.set(target.values);
      target.replace(gram);
    }
    const task = { x: singles(args.hidden_states), rows, n, gram: doubles(target) };
    this.threads.run('gram', task, triangleRanges(n, this.worth((rows * n * n) / 2)));
  }

  cross_entropy(args: CrossEntropyArgs): void {
    const { rows, n } = checkCrossEntropy(args);
    const { first_column } = args;
    const task = {
      ...{ n, first_column, logits: singles(args.logits) },
      ...{ target_ids: ids(args.target_ids), state: output(args.state) },
    };
    this.threads.run('cross_entropy', task, equalRanges(rows, this.worth(16 * rows * n)));
  }

  decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Tensor {
    const elements = checkDecode(bytes, dtype, shape, label);
    return this.keep(shape, label, elements * 4, () => decodeStored(bytes, dtype, this.uninitialised(elements)));
  }

  /** In f64 on one thread; the eigenvectors are rounded to f32 at the end. */
  async eigh(args: EighArgs): Promise<Eigendecomposition> {
    const { n } = checkEigh(args);
    const { eigenvalues, eigenvectors } = await symmetricEigen(floats(args.covariance), n, args.signal);
    const label = `${args.covariance.label} eigenvectors`;
    const kept = this.fromArray(eigenvectors, [n, n], label);
    return { eigenvalues, eigenvectors: kept, sweeps: 0, solver: SOLVER };
  }

  override dispose(): void {
    super.dispose();
    this.spare.clear();
    this.threads.dispose();
  }

  protected zeros(elements: number): Float32Array {
    return this.uninitialised(elements).fill(0);
  }

  protected override recycle(values: Values): void {
    if (values instanceof Float32Array) this.spare.put(values);
  }

  /** What a kernel will write whole. */
  private uninitialised(elements: number): Float32Array {
    return this.spare.take(elements) ?? new Float32Array(this.buffer(4 * elements));
  }

  protected zeroIds(length: number): Uint32Array {
    return new Uint32Array(this.buffer(4 * length));
  }

  private product(args: MatmulBtArgs, sizes: MatmulSizes, a_transposed: boolean, b_transposed: boolean): void {
    const { m, n, k } = sizes;
    const threads = this.worth(m * n * k);
    const by = m >= n ? 'rows' : 'columns';
    const task = {
      ...({ ...sizes, a_transposed, b_transposed, by } as const),
      ...{ a: singles(args.a), b: singles(args.b), output: output(args.output) },
      epilogue: epilogueOf(args),
    };
    this.threads.run('product', task, by === 'rows' ? equalRanges(m, threads, 4) : equalRanges(n, threads, 8));
  }

  /** How many threads a task of so many products is given. */
  private worth(products: number): number {
    return products < WORTH_SHARING ? 1 : this.threads.count;
  }

  private buffer(bytes: number): ArrayBuffer | SharedArrayBuffer {
    return this.threads.isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  }
}

/** The numbers of an operand; a covariance, which is f64, is rounded. */
function singles(tensor: Tensor): Float32Array {
  const values = floats(tensor);
  return values instanceof Float32Array ? values : new Float32Array(values);
}

/** What is done to a product before it is written, if anything is. */
function epilogueOf({ row_scale, gate, accumulate }: MatmulBtArgs): Epilogue | undefined {
  if (!row_scale && !gate && !accumulate) return undefined;
  return {
    row_scale: row_scale && singles(row_scale),
    gate: gate && { states: singles(gate.states), activation: gate.activation },
    accumulate,
  };
}

/** The place of a result. */
function output(tensor: Tensor): Float32Array {
  const values = floats(tensor);
  if (values instanceof Float32Array) return values;
  throw new WhittleError({
    code: 'internal',
    message: 'A covariance was given as the output of another kernel.',
    place: { tensor: tensor.label },
  });
}
