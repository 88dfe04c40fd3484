/** @file The figures of `npm run bench`, by the names that DESIGN gives them; the same names stand in its table. */
import type { ReportTimings } from '../engine/report.ts';

export interface MatmulShape {
  m: number;
  k: number;
  n: number;
}

/** a (m, k) · b (k, n) in f32, both operands on the device; 2·m·k·n operations. */
export interface MatmulFigure extends MatmulShape {
  gflops: number;
  /** onnxruntime-web's `webgpu` provider on the same adapter, also from and to device memory. */
  ort_webgpu_gflops: number;
  /** gflops / ort_webgpu_gflops. */
  ratio: number;
  /** Largest difference between the two products, as a share of the largest element: both computed the same. */
  difference: number;
}

export interface EigenFigure {
  n: number;
  /** As `Eigendecomposition.solver` names it. */
  solver: string;
  /** Of a covariance matrix on the device, until its eigenvectors are there. */
  ms: number;
  /** LAPACK's ratios in units of n·ulp (ulp = 2⁻²³), the worst over the matrix families. */
  residual_ulp: number;
  orthogonality_ulp: number;
  /** The family of the worst residual. */
  worst_family: string;
}

/** PCA of activations with large directions, against exact f64 PCA of the same numbers. */
export interface PrecisionFigure {
  name: string;
  n: number;
  /** Energy lost of what 75 % of the directions can keep, as a share of that outside the largest: sums and solver in f32. */
  plain_loss: number;
  /** The same as slicing does it. */
  loss: number;
  /** How often the states were summed. */
  sums: number;
  verdict: string;
  /** Adding 512 rows: rounded at every chunk, in pairs, and in pairs without four directions. */
  rounded_ms: number;
  pairs_ms: number;
  deflated_ms: number;
}

export interface KernelFigure {
  name: string;
  shape: string;
  ms: number;
  /** Of the kernels whose work is multiply-adds, counted as two operations each. */
  gflops?: number;
}

export interface AdapterFigure {
  vendor: string;
  architecture: string;
  is_fallback_adapter: boolean;
}

export interface BenchReport {
  adapter: AdapterFigure;
  matmul: MatmulFigure[];
  eigen: EigenFigure[];
  precision: PrecisionFigure[];
  kernels: KernelFigure[];
  /** The built-in model at 25 %, as `npm run demo` does it; its perplexity has the default protocol. */
  job: { backend: string; stage_ms: ReportTimings; perplexity: number; dense_perplexity: number };
  memory: { peak_gpu_bytes: number };
}

/** What the page offers to the command. */
export interface BenchPage {
  adapter(): Promise<AdapterFigure>;
  matmul(shape: MatmulShape): Promise<MatmulFigure>;
  /** One family at one size by one solver. */
  eigen(n: number, family: string, solver: string): Promise<Omit<EigenFigure, 'worst_family'>>;
  eigenSolvers(): string[];
  eigenFamilies(): string[];
  precision(n: number, name: string): Promise<PrecisionFigure>;
  activationNames(): string[];
  kernelNames(): string[];
  kernel(name: string): Promise<KernelFigure>;
}

declare global {
  interface Window {
    whittleBench: BenchPage;
  }
}
