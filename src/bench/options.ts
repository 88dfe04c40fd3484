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
  /** Nothing but this comparison. */
  against?: { python?: string };
  /** Of the comparison. */
  rounds?: number;
}

export const BENCH_USAGE = `Usage: npm run bench -- [options]

  --json FILE         the figures as JSON too
  --quick             small sizes only: 4 minutes instead of 13 (two CPU cores, software adapter)
  --model PATH        after all else, slices this model by 25 % on the CPU backend
                      (a folder or a .gguf file; 8 windows of 256 tokens for each text)
  --calibration FILE  UTF-8 text to calibrate it with    (the built-in text)
  --evaluation FILE   UTF-8 text for its perplexity      (the built-in text)

  --against torch[=PYTHON]
                      only this: Whittle's CPU backend and torch do one job in turn, dense evaluation, slicing by
                      25 % and sliced evaluation of 8 × 256 tokens (--quick: 2 × 256, once), on the built-in model,
                      the GGUF below $LAB_DATA/smol or --model; then eigenpairs, factors and inverses in f64
                      (n = 576, 1536, 4096; --quick: 576); needs a Python that has torch
  --rounds N          how often the two do it: medians are told   (3)

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
      against: text,
      rounds: text,
      help: { type: 'boolean', short: 'h' },
    },
    strict: true,
    allowPositionals: false,
  });
  if (values.help) return undefined;
  const { json, quick = false, model, calibration, evaluation } = values;
  const against = values.against === undefined ? undefined : rivalOf(values.against);
  const rounds = values.rounds === undefined ? undefined : roundsOf(values.rounds, against !== undefined);
  if (model === undefined && !against && (calibration ?? evaluation) !== undefined) {
    throw new TypeError('--calibration and --evaluation are for a model of your own: name it with --model.');
  }
  return {
    ...{ json, quick, model, calibration, evaluation },
    ...(against && { against }),
    ...(rounds !== undefined && { rounds }),
  };
}

function rivalOf(value: string): { python?: string } {
  const [, python] = /^torch(?:=(.+))?$/s.exec(value) ?? [];
  if (python === undefined && value !== 'torch') {
    throw new TypeError(`--against is "${value}": it can be torch, or torch=PYTHON with the path of a Python.`);
  }
  return python === undefined ? {} : { python };
}

function roundsOf(value: string, isAgainst: boolean): number {
  if (!isAgainst) throw new TypeError('--rounds is for --against torch.');
  const rounds = Number(value);
  if (/^\d+$/.test(value) && rounds >= 1 && rounds <= 99) return rounds;
  throw new TypeError(`--rounds is "${value}": it can be a whole number from 1 to 99.`);
}
