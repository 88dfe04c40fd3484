/** @file One run in report.json: what was done, what came out, how far it is from the dense model. */
import type {
  DivergenceSummary,
  ModelSizes,
  PerplexityReport,
  RunReport,
  SolveReport,
  TrainingReport,
  UnitReport,
  WorstCertificate,
} from './protocol.ts';

export interface RunFigures extends ModelSizes, Partial<DivergenceSummary> {
  /** Of the evaluation's time, milliseconds that went into comparing it with the dense model. */
  comparison_ms?: number;
  recipe: string;
  /** File of the importance matrix that stood in the place of the calibration text's. */
  imatrix?: string;
  steps: StepFigures[];
  perplexity: number;
  /** Standard error over windows, in perplexity; null for one window. */
  perplexity_error: number | null;
  /** To the dense model's; absent where that was not measured. */
  perplexity_ratio?: number;
  stored_bytes: number;
  /** Where the recipe was found for a size: what was wanted, predicted and measured. */
  solver?: SolveReport;
  /** In prefill: windows of the evaluation text. */
  tokens_per_second: number;
  /** One token after another, weights on the device. */
  decode_tokens_per_second?: number;
}

export interface StepFigures {
  method: string;
  options: Readonly<Record<string, unknown>>;
  seconds: number;
  /** Mean over the units. */
  error?: number;
  units?: UnitReport[];
  certificate?: WorstCertificate;
  training?: TrainingReport;
}

export function runSummary(
  { run, evaluation }: { run: RunReport; evaluation: PerplexityReport },
  densePerplexity?: number,
): RunFigures {
  const { recipe, parameters, bytes, bits_per_weight, multiplications_per_token, stored_bytes } = run;
  const { perplexity, relative_spread, tokens_per_second, decode_tokens_per_second } = evaluation;
  const { divergence, comparison_ms } = evaluation;
  return {
    recipe,
    ...(run.imatrix !== undefined && { imatrix: run.imatrix }),
    steps: run.steps.map(({ units, ...step }) => ({ ...step, ...(units.length > 0 && { units }) })),
    perplexity,
    perplexity_error: relative_spread === null ? null : perplexity * relative_spread,
    ...(densePerplexity !== undefined && { perplexity_ratio: perplexity / densePerplexity }),
    ...divergence,
    ...(comparison_ms !== undefined && { comparison_ms: Math.round(comparison_ms) }),
    ...{ bytes, stored_bytes, bits_per_weight, parameters, multiplications_per_token, tokens_per_second },
    ...(run.solver && { solver: run.solver }),
    ...(decode_tokens_per_second !== undefined && { decode_tokens_per_second }),
  };
}
