/** @file The figures of `npm run bench -- --node`. */
import type { AdapterFigure, EigenFigure, KernelFigure, NamedShape, PrecisionFigure } from '../figures.ts';

export interface NodeAdapter extends AdapterFigure {
  description: string;
  features: string[];
}

/** Of a·b and a·bᵀ, as `MatmulFigure` has them. */
export interface DeviceProduct extends NamedShape {
  gflops: number;
  bt_gflops: number;
}

export interface NodeReport {
  adapter: NodeAdapter;
  node: string;
  matmul: DeviceProduct[];
  kernels: KernelFigure[];
  eigen: EigenFigure[];
  precision: PrecisionFigure[];
  /** What could not be measured, and why. */
  failures: { section: string; error: string }[];
  seconds: number;
}
