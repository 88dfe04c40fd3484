/**
 * @file `--against torch`, training: LoRA on every linear of the dense model by both sides, on the same text, in turn. What counts
 * is tokens a second of the steps themselves, and the most memory that the process which trains takes.
 */
import { fileURLToPath } from 'node:url';
import { MODEL_PATIENCE_MS, runOn } from '../job_section.ts';
import { watchBrowser } from '../large/processes.ts';
import { median } from '../median.ts';
import { table } from '../tables.ts';
import { runPython } from './python.ts';

const SCRIPT = fileURLToPath(new URL('../../../tools/bench/torch_training.py', import.meta.url));
/** The first makes what all others find: memory, compiled kernels, prepared primitives. */
const STEPS = 4;
const BATCH = 2;
const RANK = 32;
const ALPHA = 16;
const LR = 1e-3;
/** Windows of calibration: a quarter is held out. */
const WINDOWS = 8;

export const TRAINING_WANTED = { least_speed: 0.4, most_memory: 0.5 };

/** Of one side. */
export interface TrainingSide {
  tokens_per_second: number;
  /** Null where the system does not tell. */
  peak_bytes: number | null;
}

export interface TrainingRound {
  whittle: TrainingSide;
  torch: TrainingSide;
}

export interface TrainingFigure extends TrainingRound {
  steps: number;
  /** Tokens of one step. */
  tokens: number;
  rank: number;
  /** Whittle's tokens a second to torch's, median of the rounds' own. */
  speed_ratio: number;
  memory_ratio: number | null;
}

/**
 * @param texts Options that name the model and its texts.
 * @param folder What `torch_model.ts` wrote of them.
 */
export async function trainingRound(
  texts: readonly string[],
  folder: string,
  python: string,
  threads: number,
  seqlen: number,
): Promise<TrainingRound> {
  const recipe = `rft:steps=${STEPS},batch=${BATCH},rank=${RANK},alpha=${ALPHA},lr=${LR}`;
  const few = ['--samples', `${WINDOWS}`, '--eval-samples', '1', '--seqlen', `${seqlen}`];
  const meter = watchBrowser(() => 'training');
  try {
    const report = await runOn('cpu', [...texts, ...few, '--recipe', recipe, '--format', 'none'], MODEL_PATIENCE_MS);
    const speed = report.runs?.[0]?.steps[0]?.training?.tokens_per_second;
    if (speed === undefined) throw new Error('the report tells nothing of a training');
    const numbers = [threads, STEPS, BATCH, RANK, ALPHA, LR].map(String);
    const torch = JSON.parse(await runPython(python, [SCRIPT, folder, ...numbers], MODEL_PATIENCE_MS));
    return { whittle: { tokens_per_second: speed, peak_bytes: meter?.most.page_bytes ?? null }, torch };
  } finally {
    meter?.stop();
  }
}

/** @param rounds At least one. */
export function trainingFigure(rounds: readonly TrainingRound[], seqlen: number): TrainingFigure {
  const side = (of: 'whittle' | 'torch'): TrainingSide => {
    const peaks = rounds.flatMap((round) => round[of].peak_bytes ?? []);
    return {
      tokens_per_second: median(rounds.map((round) => round[of].tokens_per_second)),
      peak_bytes: peaks.length === 0 ? null : Math.max(...peaks),
    };
  };
  const [whittle, torch] = [side('whittle'), side('torch')];
  const isTold = whittle.peak_bytes !== null && torch.peak_bytes !== null;
  return {
    ...{ whittle, torch, steps: STEPS, tokens: BATCH * seqlen, rank: RANK },
    speed_ratio: median(rounds.map((round) => round.whittle.tokens_per_second / round.torch.tokens_per_second)),
    memory_ratio: isTold ? (whittle.peak_bytes as number) / (torch.peak_bytes as number) : null,
  };
}

export function trainingTable({ whittle, torch, speed_ratio, memory_ratio, ...of }: TrainingFigure): string {
  const gigabytes = (bytes: number | null) => (bytes === null ? '' : (bytes / 1e9).toFixed(2));
  const { least_speed, most_memory } = TRAINING_WANTED;
  return table(
    `training: LoRA of rank ${of.rank} on every linear, ${of.steps} steps of ${of.tokens} tokens`,
    ['', 'whittle', 'torch', 'ratio', 'wanted'],
    [
      [
        ...['tokens a second', whittle.tokens_per_second.toFixed(1), torch.tokens_per_second.toFixed(1)],
        ...[speed_ratio.toFixed(2), `≥ ${least_speed}`],
      ],
      [
        ...['most memory, GB', gigabytes(whittle.peak_bytes), gigabytes(torch.peak_bytes)],
        ...[memory_ratio === null ? '' : memory_ratio.toFixed(2), `≤ ${most_memory}`],
      ],
    ],
  );
}
