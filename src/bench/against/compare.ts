/** @file What several rounds of both sides come to: medians, ratios, and whether both computed the same. Pure. */
import type { Report, ReportTimings } from '../../engine/report.ts';
import { median } from '../median.ts';
import type { TrainingFigure } from './training_section.ts';

/** Of torch; `slicing_beside_dense` is its slicing once more with the dense model's states carried along, as for closed-form recovery. */
export type TorchStage = 'dense_evaluation' | 'calibration_and_slicing' | 'slicing_beside_dense' | 'evaluation';

/** What `tools/bench/torch_job.py` prints. */
export interface TorchRound {
  torch: string;
  threads: number;
  /** Widest vectors that torch uses, as it calls them. */
  capability: string;
  dense_perplexity: number;
  perplexity: number;
  stage_ms: Record<TorchStage, number>;
}

export interface Round {
  whittle: Pick<Report, 'model' | 'protocol' | 'backend' | 'dense' | 'sliced' | 'runs' | 'timings_ms'>;
  torch: TorchRound;
}

export type AgainstStage = TorchStage | 'comparison' | 'verification' | 'total';

/** Medians over the rounds. */
export interface AgainstFigure {
  stage: AgainstStage;
  whittle_ms: number;
  /** Null where torch has no such stage. */
  torch_ms: number | null;
  /** Median of the rounds' own ratios, so that a busy minute weighs on both sides of one. */
  ratio: number | null;
  /** The most that the project wants it to be. */
  wanted: number | null;
}

export interface AgainstReport {
  model: string;
  parameters: number;
  protocol: Report['protocol'];
  backend: string;
  torch: { version: string; threads: number; capability: string };
  rounds: number;
  against: AgainstFigure[];
  perplexities: { whittle: number; torch: number; difference: number; of: 'dense' | 'sliced' }[];
  training: TrainingFigure;
  /** Every round's own milliseconds. */
  rounds_ms: { whittle: ReportTimings; torch: TorchRound['stage_ms'] }[];
}

const WANTED: Partial<Record<AgainstStage, number>> = {
  dense_evaluation: 2.2,
  calibration_and_slicing: 1.3,
  slicing_beside_dense: 1.3,
  evaluation: 2.2,
};

const STAGES = Object.keys({
  dense_evaluation: 0,
  calibration_and_slicing: 0,
  slicing_beside_dense: 0,
  evaluation: 0,
  comparison: 0,
  verification: 0,
  total: 0,
} satisfies Record<AgainstStage, 0>) as AgainstStage[];

/** @param rounds At least one. */
export function againstReport(rounds: readonly Round[], training: TrainingFigure): AgainstReport {
  const { whittle, torch } = rounds[rounds.length - 1];
  const [{ perplexity }] = whittle.sliced;
  return {
    model: whittle.model.name,
    parameters: whittle.model.parameters,
    protocol: whittle.protocol,
    backend: whittle.backend.description,
    torch: { version: torch.torch, threads: torch.threads, capability: torch.capability },
    rounds: rounds.length,
    against: STAGES.map((stage) => figureOf(stage, rounds)),
    perplexities: [
      pair('dense', whittle.dense.perplexity, torch.dense_perplexity),
      pair('sliced', perplexity, torch.perplexity),
    ],
    training,
    rounds_ms: rounds.map((round) => ({ whittle: round.whittle.timings_ms, torch: round.torch.stage_ms })),
  };
}

function pair(of: 'dense' | 'sliced', whittle: number, torch: number) {
  return { of, whittle, torch, difference: Math.abs(whittle / torch - 1) };
}

function figureOf(stage: AgainstStage, rounds: readonly Round[]): AgainstFigure {
  const own = rounds.map(({ whittle }) => stageMs(whittle, stage));
  const whittle_ms = median(own);
  const wanted = WANTED[stage] ?? null;
  const theirs = rounds.flatMap(({ torch }) => (stage in torch.stage_ms ? [torch.stage_ms[stage as TorchStage]] : []));
  if (theirs.length === 0) return { stage, whittle_ms, torch_ms: null, ratio: null, wanted };
  const ratio = median(own.map((ms, i) => ms / theirs[i]));
  return { stage, whittle_ms, torch_ms: median(theirs), ratio, wanted };
}

/**
 * Torch does not compare the sliced model with the dense one, token by token: that is a stage by itself. Whittle's slicing is set
 * beside both of torch's.
 */
function stageMs({ timings_ms, runs }: Round['whittle'], stage: AgainstStage): number {
  const comparison = runs.reduce((sum, { comparison_ms = 0 }) => sum + comparison_ms, 0);
  if (stage === 'comparison') return comparison;
  if (stage === 'slicing_beside_dense') return timings_ms.calibration_and_slicing;
  return timings_ms[stage] - (stage === 'evaluation' ? comparison : 0);
}
