/** @file The options of `npm run bench`. Pure. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Where the figures go, beside the table. */
  json?: string;
  quick: boolean;
  /** A model of one's own, and the texts for it. */
  model?: string;
  calibration?: string;
  evaluation?: string;
}

export const BENCH_USAGE = `Usage: npm run bench -- [options]

  --json FILE         the figures as JSON too
  --quick             small sizes only: 4 minutes instead of 13 (two CPU cores, software adapter)
  --model PATH        after all else, slices this model by 25 % on the CPU backend
                      (a folder or a .gguf file; 8 windows of 256 tokens for each text)
  --calibration FILE  UTF-8 text to calibrate it with    (the built-in text)
  --evaluation FILE   UTF-8 text for its perplexity      (the built-in text)

Figures are ratios of what runs on this machine, one after the other: leave it alone meanwhile.
`;

const text = { type: 'string' } as const;

/** Undefined for `--help`. Throws `TypeError` for what it does not know. */
export function parseBenchOptions(argv: string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      json: text,
      quick: { type: 'boolean' },
      model: text,
      calibration: text,
      evaluation: text,
      help: { type: 'boolean', short: 'h' },
    },
    strict: true,
    allowPositionals: false,
  });
  if (values.help) return undefined;
  const { json, quick = false, model, calibration, evaluation } = values;
  if (model === undefined && (calibration ?? evaluation) !== undefined) {
    throw new TypeError('--calibration and --evaluation are for a model of your own: name it with --model.');
  }
  return { json, quick, model, calibration, evaluation };
}
