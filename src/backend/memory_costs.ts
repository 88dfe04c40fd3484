/**
 * @file What tensors cost on a backend, to the byte, so that a job's memory can be planned from shapes before it runs.
 * Held against `backend.memory` by tests.
 */
import type { BackendInfo } from './backend.ts';

export interface MemoryCosts {
  /** Bytes of a tensor of so many f32 or u32 elements. */
  floats(elements: number): number;
  ids(elements: number): number;
  /** Held from the backend's start. */
  readonly fixedBytes: number;
  /** Stored half floats and blocks are uploaded as they are before they are decoded; they wait until a submit. */
  readonly storedBytesWait: boolean;
  /** Stored bytes that wait at most, beyond the last weight's. */
  readonly maxWaitingBytes: number;
  /** A read-back needs a buffer of the tensor's size. */
  readonly readsThroughBuffer: boolean;
  /** Sums of states are in f32: they have a low part, too, and dominant directions are left out of them. */
  readonly sumsInSingle: boolean;
  /** The high part of a sum of states over (n, n), once something was added. */
  gramBytes(n: number): number;
  /** Beside a packed matrix (n, k), while many rows are multiplied by it: panels of it as floats. */
  panelBytes(n: number, k: number): number;
  /** Of an eigendecomposition of (n, n), beside the matrix itself and the eigenvectors. */
  eighBytes(n: number): number;
}

/** 1024 slots of 256 bytes for kernel parameters. */
const UNIFORM_BYTES = 1024 * 256;

const webgpuFloats = (elements: number) => Math.max(16, Math.ceil(elements / 4) * 16);

const WEBGPU: MemoryCosts = {
  floats: webgpuFloats,
  ids: webgpuFloats,
  fixedBytes: UNIFORM_BYTES,
  storedBytesWait: true,
  maxWaitingBytes: 32 * 1024 * 1024,
  readsThroughBuffer: true,
  sumsInSingle: true,
  gramBytes: (n) => webgpuFloats(n * n),
  // As `matmul_bt_packed.ts` cuts them.
  panelBytes: (n, k) => webgpuFloats(Math.min(Math.max(64, Math.floor(2 ** 19 / k / 64) * 64), n) * k),
  eighBytes(n) {
    const size = Math.ceil(n / 64) * 64;
    // Jacobi: matrix, vectors, correction; rotations and lines (`eigh_jacobi.ts`).
    const jacobi = 3 * size * size + 48 * size;
    // Tridiagonal: matrix, reflectors, parts of sums; panel, Gram matrices, projections and factors (`eigh_tridiagonal.ts`).
    const tridiagonal = (2 + 1 / 16 + 1 / 32) * size * size + 340 * size;
    return webgpuFloats(Math.max(jacobi, tridiagonal));
  },
};

/** The f64 reference: nothing waits and nothing is copied. */
const CPU: MemoryCosts = {
  floats: (elements) => 8 * elements,
  ids: (elements) => 4 * elements,
  fixedBytes: 0,
  storedBytesWait: false,
  maxWaitingBytes: 0,
  readsThroughBuffer: false,
  sumsInSingle: false,
  gramBytes: (n) => 8 * n * n,
  panelBytes: () => 0,
  eighBytes: () => 0,
};

/** f32 in WebAssembly, with Gram matrices in f64. */
const WASM: MemoryCosts = { ...CPU, floats: (elements) => 4 * elements };

export function memoryCosts({ kind, architecture }: Pick<BackendInfo, 'kind' | 'architecture'>): MemoryCosts {
  if (kind === 'webgpu') return WEBGPU;
  return architecture.startsWith('wasm') ? WASM : CPU;
}
