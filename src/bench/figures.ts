/** @file The figures of `npm run bench`, by the names that DESIGN gives them; the same names stand in its table. */
import type { Report, ReportTimings } from '../engine/report.ts';
import type { DragFigure } from './drag/drag.ts';
import type { OpeningFigure } from './drag/opening.ts';
import type { JobRatio } from './job_ratio.ts';

export interface MatmulShape {
  m: number;
  k: number;
  n: number;
}

/** A shape and where it comes from. */
export interface NamedShape extends MatmulShape {
  product: string;
}

/** a (m, k) · b (k, n) in f32, both operands on the device; 2·m·k·n operations. */
export interface MatmulFigure extends NamedShape {
  gflops: number;
  /** onnxruntime-web's `webgpu` provider on the same adapter, also from and to device memory. */
  ort_webgpu_gflops: number;
  /** gflops / ort_webgpu_gflops. */
  ratio: number;
  /** a·bᵀ with b (n, k), as linears are stored, and its ratio to onnxruntime-web's a·b, which is the layout of its exports. */
  bt_gflops: number;
  bt_ratio: number;
  /** Largest difference between the two products, as a share of the largest element: both computed the same. */
  difference: number;
}

/**
 * The same on the CPU: the CPU backend beside onnxruntime-web's `wasm` provider, on as many threads, in turn. There b is a
 * constant of the model, which a session packs once and not in the time measured: its best case, and not what calibrating
 * and slicing could have. Its a and its product pass between JavaScript's memory and its own, as they would in the app.
 */
export interface CpuMatmulFigure extends NamedShape {
  gflops: number;
  /** Null where it never answered. */
  ort_wasm_gflops: number | null;
  ratio: number | null;
  bt_gflops: number;
  bt_ratio: number | null;
  threads: number;
  difference: number | null;
}

/** Matrices that stay as they are stored: integers in groups of 32 with zero points, and two of every four weights in float16. */
export const PACKED_FORMS = ['int8', 'int4', 'int3', 'int2', '2:4'] as const;
export type PackedForm = (typeof PACKED_FORMS)[number];

/**
 * a (m, k) · bᵀ on the CPU backend with b (n, k) packed: times as fast as with b in f32, in one Worker and in turn. One row
 * meets its matrix from memory, as a token does.
 */
export type PackedFigure = NamedShape & { f32_ms: number; threads: number } & Record<PackedForm, number>;

export interface LutShape {
  k: number;
  n: number;
  bits: 2 | 3 | 4;
}

/** One row by a packed matrix on one thread: the plain loops, and LUT-GEMM (arXiv 2206.09557), which the runtime does not use. */
export interface LutFigure extends LutShape {
  plain_ms: number;
  lut_ms: number;
  /** plain_ms / lut_ms. */
  ratio: number;
  /** The same without the time of making tables, the most that LUT-GEMM could win. */
  lookups_ratio: number;
}

/** One family at one size by one solver. */
export interface EigenMeasurement {
  n: number;
  /** As `Eigendecomposition.solver` names it. */
  solver: string;
  family: string;
  /** Of a covariance matrix on the device, until its eigenvectors are there. */
  ms: number;
  /** LAPACK's ratios in units of n·ulp (ulp = 2⁻²³); infinite where the solver gave up. */
  residual_ulp: number;
  orthogonality_ulp: number;
}

/** The worst over the matrix families. */
export interface EigenFigure {
  n: number;
  solver: string;
  /** Of what PCA of a residual stream decomposes. */
  ms: number;
  residual_ulp: number;
  orthogonality_ulp: number;
  /** The family of the worst residual. */
  worst_family: string;
  /** How many were decomposed. */
  families: number;
  /** Those beyond the design's limit, which the app gives to the next solver. */
  over_limit: string[];
  /** Milliseconds of the first version's solver, blocked Jacobi, on the same matrix / `ms`; absent where it was not run. */
  jacobi_ratio?: number;
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

export interface JobFigure {
  backend: string;
  stage_ms: ReportTimings;
  perplexity: number;
  dense_perplexity: number;
}

/** A model of somebody's own, sliced by 25 % on the CPU backend: 8 windows of 256 tokens of each text. */
export interface ModelFigure extends JobFigure {
  name: string;
  parameters: number;
  dimension: number;
  protocol: Report['protocol'];
  memory: Report['memory'];
}

/** What a job on a GPU is planned to need, from shapes alone. */
export interface PlannedFigure {
  model: string;
  parameters: number;
  /** Of all parameters in f32. */
  f32_bytes: number;
  /** Windows for calibration and their length. */
  samples: number;
  seqlen: number;
  schedule: string;
  /** The step that needs most, its bytes, and what they are. */
  step: string;
  planned_gpu_bytes: number;
  share_of_f32: number;
  breakdown: Record<string, number>;
}

export type MemoryFigure = Report['memory'] & {
  /** Peak of the demo job on WebGPU as a share of the built-in model's bytes in f32. */
  share_of_f32: number;
  planned: PlannedFigure[];
};

/** Something that the project set itself, and whether this run shows it. */
export interface TargetFigure {
  target: string;
  measured: string;
  met: boolean;
}

export interface BenchReport {
  adapter: AdapterFigure;
  threads: number;
  /** Small sizes only: not all targets are measured. */
  quick: boolean;
  matmul: MatmulFigure[];
  matmul_cpu: CpuMatmulFigure[];
  packed_cpu: PackedFigure[];
  lut_cpu: LutFigure[];
  eigen: EigenFigure[];
  precision: PrecisionFigure[];
  kernels: KernelFigure[];
  /** The built-in model at 25 %, as `npm run demo` does it, on WebGPU and again on the CPU backend, with the default protocol. */
  job: JobFigure;
  job_cpu: JobFigure;
  /** Stage by stage, milliseconds on WebGPU / milliseconds on the CPU backend. */
  job_ratio: JobRatio;
  /** |perplexity on the CPU backend / perplexity on WebGPU − 1|, and that of the dense model. */
  perplexity_difference: number;
  dense_perplexity_difference: number;
  /** Of the page itself, by a model that is opened; empty where it could not be driven. */
  opening: OpeningFigure[];
  /** Of the page itself, by a slider that is dragged; empty where the page could not be driven. */
  drag: DragFigure[];
  model?: ModelFigure;
  memory: MemoryFigure;
  targets: TargetFigure[];
  /** Of the whole bench. */
  seconds: number;
}
