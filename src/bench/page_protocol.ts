/** @file What crosses between the bench's command, its page, and the Worker that measures the CPU. */
import type {
  AdapterFigure,
  CpuMatmulFigure,
  EigenMeasurement,
  KernelFigure,
  LutFigure,
  LutShape,
  MatmulFigure,
  MatmulShape,
  NamedShape,
  PackedFigure,
  PackedForm,
  PrecisionFigure,
} from './figures.ts';
import type { LinalgRequest, LinalgTimes } from './linalg_times.ts';

/** What the page offers to the command, which asks for one figure after another, so that it can tell how far it is. */
export interface BenchPage {
  adapter(): Promise<AdapterFigure>;
  matmul(shape: NamedShape): Promise<MatmulFigure>;
  cpuMatmul(shape: NamedShape): Promise<CpuMatmulFigure>;
  packed(shape: NamedShape): Promise<PackedFigure>;
  lut(shape: LutShape): Promise<LutFigure>;
  kernelNames(): string[];
  kernel(name: string): Promise<KernelFigure>;
  eigenFamilies(): string[];
  eigen(n: number, family: string, solver: string): Promise<EigenMeasurement>;
  cpuEigen(n: number, family: string): Promise<EigenMeasurement>;
  linalg(request: LinalgRequest): Promise<LinalgTimes>;
  activationNames(): string[];
  precision(n: number, name: string): Promise<PrecisionFigure>;
}

/** Tasks of the Worker with what they give. Each runs in a Worker of its own: two thread pools never live together. */
export interface CpuTasks {
  whittle_matmul: { request: MatmulShape; result: OwnProduct };
  ort_matmul: { request: MatmulShape; result: OrtProduct };
  packed: { request: MatmulShape; result: { threads: number; ms: PackedTimes } };
  lut: { request: LutShape; result: LutFigure };
  eigen: { request: { n: number; family: string }; result: EigenMeasurement };
  linalg: { request: LinalgRequest; result: LinalgTimes };
}

export interface OwnProduct {
  threads: number;
  ms: number;
  bt_ms: number;
  product: Float32Array;
}

/** Milliseconds of a product. */
export type PackedTimes = Record<PackedForm | 'f32', number>;

export interface OrtProduct {
  ms: number;
  product: Float32Array;
}

export type CpuTaskName = keyof CpuTasks;
export type ToCpuWorker = { [K in CpuTaskName]: { task: K; request: CpuTasks[K]['request'] } }[CpuTaskName];
export type FromCpuWorker = { result: unknown } | { error: string };

declare global {
  interface Window {
    whittleBench: BenchPage;
  }
}
