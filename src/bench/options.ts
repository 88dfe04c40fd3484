/** @file The options of `npm run bench`. Pure. */
import { parseArgs } from 'node:util';

import type { LargeOptions } from './large/large.ts';

export interface BenchOptions {
  /** Where the figures go, beside the table. */
  json?: string;
  quick: boolean;
  /** A model of one's own, and the texts for it. */
  model?: string;
  calibration?: string;
  evaluation?: string;
  /** In place of everything else: a model of billions through the app. */
  large?: LargeOptions;
  /** Only the device's sections, by Dawn in Node; beside torch: linear algebra there and not in the browser. */
  node?: true;
  /** Only the page: models that are opened, sliders that are dragged. */
  studio?: true;
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

  --node              only what is measured on the device, in Node by Dawn and without a browser: for a machine with
                      a GPU and no display (--quick as well)
  --studio            only the page: how soon a model's facts are there (a synthetic one of 30 layers, and the GGUF below
                      $LAB_DATA/smol or --model), what moves by itself, and what sliders cost; 1 to 3 minutes
  --large             in place of all else, a Llama of 1.1 B with random weights (2.2 GB) is written and
                      taken through the app: 4 × 256 tokens, 25 %, ONNX and GGUF, both verified
  --large-7b          likewise one of 7 B (13.5 GB of sparse files) is opened, planned, and two layers of it calibrated
  --layers N          of the large model, fewer than it has
  --folder DIR        where the large model is written, and left for the next time  (a temporary folder)
  --against torch[=PYTHON]
                      only this: Whittle's CPU backend and torch do one job in turn, dense evaluation, slicing by
                      25 % and sliced evaluation of 8 × 256 tokens (--quick: 2 × 256, once), on the built-in model,
                      the GGUF below $LAB_DATA/smol or --model; then eigenpairs, factors and inverses in f64
                      (n = 576, 1536, 4096; --quick: 576), Whittle's in the same browser or, with --node, in Node;
                      needs a Python that has torch
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
      node: { type: 'boolean' },
      studio: { type: 'boolean' },
      large: { type: 'boolean' },
      'large-7b': { type: 'boolean' },
      layers: text,
      folder: text,
      against: text,
      rounds: text,
      help: { type: 'boolean', short: 'h' },
    },
    strict: true,
    allowPositionals: false,
  });
  if (values.help) return undefined;
  const { json, quick = false, node = false, studio = false, model, calibration, evaluation } = values;
  const against = values.against === undefined ? undefined : rivalOf(values.against);
  const rounds = values.rounds === undefined ? undefined : roundsOf(values.rounds, against !== undefined);
  if (model === undefined && !against && (calibration ?? evaluation) !== undefined) {
    throw new TypeError('--calibration and --evaluation are for a model of your own: name it with --model.');
  }
  const large = largeOptions(values);
  return {
    ...{ json, quick, model, calibration, evaluation },
    ...(node && { node }),
    ...(studio && { studio }),
    ...(against && { against }),
    ...(rounds !== undefined && { rounds }),
    ...(large && { large }),
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

type LargeValues = { large?: boolean; 'large-7b'?: boolean; layers?: string; folder?: string };

function largeOptions({ large, 'large-7b': is7b, layers, folder }: LargeValues): LargeOptions | undefined {
  if (!large && !is7b) {
    if ((layers ?? folder) === undefined) return undefined;
    throw new TypeError('--layers and --folder are for --large and --large-7b.');
  }
  if (large && is7b) throw new TypeError('--large and --large-7b are one or the other.');
  const count = layers === undefined ? undefined : Number(layers);
  if (count !== undefined && !(Number.isInteger(count) && count >= 1)) {
    throw new TypeError(`--layers is "${layers}", not a whole number from 1 on.`);
  }
  return { size: is7b ? '7b' : '1.1b', ...(count !== undefined && { layers: count }), ...(folder && { folder }) };
}
