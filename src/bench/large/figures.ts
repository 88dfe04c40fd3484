/** @file The figures of `npm run bench -- --large`, by the names of its table. */
import type { DiskTraffic } from '../../pulse/traffic.ts';

export interface LargeStage {
  stage: string;
  ms: number;
  /** Most that the page with its Workers took meanwhile, as the system tells it. */
  page_bytes?: number;
  /** Most that lay in the page's private file system. */
  storage_bytes?: number;
}

export interface LargeExport {
  format: string;
  bytes: number;
  verified: boolean;
  perplexity: number;
  perplexity_in_app: number;
  max_abs_logit_difference: number;
  /** Sessions of onnxruntime-web that each window went through. */
  parts?: number;
  export_ms: number;
  verification_ms: number;
}

export interface LargeFigure {
  parameters: number;
  /** Of the weights as they are stored. */
  bytes: number;
  layers: number;
  stages: LargeStage[];
  dense_perplexity?: number;
  sliced_parameters?: number;
  sliced_perplexity?: number;
  exports: LargeExport[];
  /** What ended it early; what was measured before stands. */
  failed?: string;
  /** Most of the page's process: private memory and what its threads share. Absent where the system does not tell. */
  page_bytes?: number;
  /** At which stage and step. */
  page_at?: string;
  /** Of tensors, counted, and as it was planned. */
  peak_gpu_bytes?: number;
  planned_bytes?: number;
  /** As the browser told it from time to time. */
  peak_heap_bytes?: number;
  /** Most that lay in the page's private file system at once, exports included. */
  storage_bytes?: number;
  /** What slicing, or calibrating, was planned to have there at most, and what it had. */
  planned_storage_bytes?: number;
  used_storage_bytes?: number;
  disk?: DiskTraffic;
  seconds: number;
}

export interface LargeReport {
  model: string;
  /** Of the model; of a 7 B, then of its first layers. */
  figures: LargeFigure[];
}
