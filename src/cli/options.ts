/** @file The options of `npm run slice`, as DESIGN's table has them: parsed, checked, with defaults. Pure. */
import { parseArgs } from 'node:util';
import { FILE_TYPES, type FileType } from '../compress/gguf/file_types.ts';
import { parseRecipe, type Recipe } from '../compress/recipe/recipe.ts';
import type { Fusion, HeadKind, Schedule } from '../compress/slicegpt/plan.ts';
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportOptions,
  type Precision,
  precisionsOf,
} from '../engine/export/options.ts';

import { BOS_MODES, TEXT_KINDS } from '../engine/plan.ts';
import type { BosMode, SolveTarget } from '../engine/protocol.ts';
import { WhittleError } from '../errors/errors.ts';
import { checkEndpoint, HUB_ENDPOINT } from '../platform/hub/endpoint.ts';
import { HEAL_SPEC, HEAL_USAGE, withHealing } from './healing.ts';
import { methodHelp, methodList } from './method_help.ts';
import { PROMPT_SPEC, PROMPT_USAGE, type PromptOptions, promptOptions } from './prompt.ts';
import { readRecipe } from './recipes.ts';
import { readTarget } from './target.ts';
import { type ChosenKinds, readTextKinds } from './text_kind.ts';

export interface CliOptions {
  /** A folder, a file, `demo`, or `hf:` and a model's name on the Hub. */
  model: string;
  /** Folder of a LoRA of PEFT, merged into the model. */
  adapter?: string;
  /** Where a model of the Hub is asked for; nothing is asked for any other. */
  hub_endpoint: string;
  /** Absent means the built-in texts. */
  calibration?: string;
  evaluation?: string;
  /** Of the built-in texts; absent: prose. */
  text_kind?: ChosenKinds;
  samples: number;
  eval_samples: number;
  seqlen: number;
  /** Absent: as family and tokenizer say. */
  bos?: BosMode;
  /** None at all: the open model is exported as it is. */
  sparsity: number[];
  round: number;
  schedule: Schedule;
  fusion: Fusion;
  head: HeadKind | 'auto';
  backend: 'auto' | 'webgpu' | 'cpu';
  /** The whole job once more, on this backend, for comparison. */
  repeat_on: 'none' | 'webgpu' | 'cpu';
  /** A file in place of the calibration text's importance matrix. */
  imatrix?: string;
  /** Where the calibration text's importance matrix of the model as it is goes. */
  imatrix_out?: string;
  /** Files of multiple-choice examples, and how many of each are used; absent: none, all. */
  tasks?: string[];
  task_limit?: number;
  /** Empty: nothing is exported. */
  format: ExportFormat[];
  precision: Precision[];
  out: string;
  /** Each is a run. Absent where none is given. */
  recipe?: Recipe[];
  /** The solver's best recipe of this size is one more run. */
  target?: SolveTarget;
  /** Gets the job's timeline. */
  trace?: string;
  /** Gets the job as a report for people. */
  html?: string;
  /** What the model and every run write behind it. */
  prompt?: PromptOptions;
  /** Only tell what the recipes will make. */
  plan?: true;
}

export type ExportChoice = Pick<ExportOptions, 'format' | 'precision'>;

const SCHEDULES: readonly Schedule[] = ['sequential', 'rotate-once'];
const FUSIONS: readonly Fusion[] = ['exact', 'official'];
const HEADS: readonly (HeadKind | 'auto')[] = ['auto', 'untied', 'sliced', 'tied', 'tied-sliced'];
const PRECISIONS: readonly Precision[] = ['stored', 'f32', 'f16', 'int8', 'int4'];
const BACKENDS: readonly CliOptions['backend'][] = ['auto', 'webgpu', 'cpu'];
const REPEATS: readonly CliOptions['repeat_on'][] = ['none', 'webgpu', 'cpu'];

const text = { type: 'string' } as const;
const SPEC = {
  model: text,
  adapter: text,
  'hub-endpoint': text,
  calibration: text,
  evaluation: text,
  'text-kind': text,
  samples: text,
  'eval-samples': text,
  seqlen: text,
  bos: text,
  sparsity: text,
  round: text,
  schedule: text,
  fusion: text,
  head: text,
  backend: text,
  'repeat-on': text,
  format: text,
  precision: text,
  out: text,
  recipe: { type: 'string', multiple: true },
  imatrix: text,
  'imatrix-out': text,
  tasks: text,
  'task-limit': text,
  'gguf-type': text,
  'target-size': text,
  'target-bpw': text,
  ...HEAL_SPEC,
  trace: text,
  html: text,
  ...PROMPT_SPEC,
  plan: { type: 'boolean' },
  methods: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const USAGE = `Usage: npm run slice -- --model PATH [options]

  --model PATH             folder with config.json, tokenizer.json and safetensors or ONNX,
                           a .gguf file, an .onnx file in its folder, "demo",
                           or hf:OWNER/NAME[@REVISION][:FILE] to download it from the Hugging Face Hub
  --adapter DIR            a LoRA of PEFT (adapter_config.json, adapter_model.safetensors), merged into the model
  --hub-endpoint URL       a mirror that is asked instead           (${HUB_ENDPOINT})
  --calibration FILE       UTF-8 text for the covariances           (the built-in text)
  --evaluation FILE        UTF-8 text for perplexity                (the built-in text)
  --text-kind KIND[,KIND]  ${TEXT_KINDS.join(' | ')}: the built-in text where no file is given, or one
                           each (prose). Chats are in the model's template where it has one
  --samples N              calibration windows                      (16)
  --eval-samples N         evaluation windows                       (16)
  --seqlen T               tokens in a window                       (256)
  --bos NAME               ${BOS_MODES.join(' | ')}: where windows begin with BOS
                           (each for Gemma, else first where the tokenizer adds it, else none)
  --recipe TEXT|FILE.json  steps METHOD:OPTION=VALUE,…; METHOD…, several times for several runs,
                           as in 'embed:bits=8; correct:ridge=1; rtn:bits=4,group=32'
  --gguf-type T[,T…]       a GGUF file of that type, as llama-quantize names it: q4_k_m, q8_0, …, weighed by the calibration
                           text; short for --recipe 'gguf:type=T' --format gguf, a run each
  --target-size N[kB|MB|GB|%]  the best recipe whose weights take so many bytes in the first --format
                           (or so much of the opened ones'): every matrix is tried in every way that it holds
  --target-bpw BITS        the same, in bits for each parameter of the model
  --imatrix FILE           importance matrix of llama-imatrix or Whittle, in place of the calibration text's,
                           for steps that weigh errors by it (gguf)
  --imatrix-out FILE       writes the calibration text's importance matrix of the model, for llama-quantize
  --tasks FILE[,FILE]      multiple-choice examples in JSON Lines, scored on every model: PIQA, ARC, HellaSwag, WinoGrande
  --task-limit N           only the first N examples of each
${HEAL_USAGE}  --methods                lists all methods; --help METHOD explains one and its options
  --plan                   sizes, memory and refusals of the recipes, what formats make of them, and stop
  --sparsity S[,S…]|none   share of the hidden size to remove       (0.25)
                           short for one slicegpt step; not done by default beside --recipe
                           none: the model is measured and exported as it is
  --round N                dimensions are multiples of N            (8)
  --schedule NAME          ${SCHEDULES.join(' | ')}                 (sequential)
  --fusion NAME            ${FUSIONS.join(' | ')}                         (exact)
  --head NAME              ${HEADS.join(' | ')}  (auto)
  --backend NAME           ${BACKENDS.join(' | ')}                      (auto)
  --repeat-on NAME         ${REPEATS.join(' | ')}                      (none)
                           the job once more on another backend, into DIR/NAME, and both compared;
                           a target size is searched for there only
  --format F[,F…]|none     ${EXPORT_FORMATS.join(' | ')}  (onnx)
                           none: measured only, nothing is written but report.json
  --precision P[,P…]       ${PRECISIONS.join(' | ')}         (stored)
                           every format in every precision that it has
${PROMPT_USAGE}  --out DIR                where exports, report.json and metrics.jsonl go (out/)
  --html FILE              a report for people in one file: table, charts, settings, protocol; no scripts
  --trace FILE             what each thread did when, for chrome://tracing and ui.perfetto.dev

One sparsity is written to DIR itself; several go to DIR/s0.1, DIR/s0.2, … with one DIR/report.json over all.
Recipes go to DIR/r1, DIR/r2, …
Several exports of one model get a folder each in there: onnx, onnx-int4, transformers.js, …
A job that fails after the dense perplexity still writes report.json, with what it finished.
Exit status: 0 every export verified; 2 bad arguments or bad input; 130 Ctrl-C; 1 anything else.
`;

/** Thrown for `--help`, `--help METHOD` and `--methods`: not a fault. */
export class HelpWanted extends Error {
  constructor(readonly text: string = USAGE) {
    super('help is wanted');
  }
}

/** Throws `bad_option` (exit status 2) or {@link HelpWanted}. */
export function parseOptions(argv: string[]): CliOptions {
  const topic = helpTopic(argv);
  if (topic !== undefined) throw new HelpWanted(methodHelp(topic));
  const values = withHealing(parseTokens(argv));
  if (values.help) throw new HelpWanted();
  if (values.methods) throw new HelpWanted(methodList());
  const types = values['gguf-type'] === undefined ? [] : fileTypes(values['gguf-type']);
  const recipes = [...(values.recipe ?? []).map(readRecipe), ...types.map((type) => parseRecipe(`gguf:type=${type}`))];
  const recipe = recipes.length > 0 ? recipes : undefined;
  const format = values.format ?? (types.length > 0 ? 'gguf' : undefined);
  const target = readTarget(values['target-size'], values['target-bpw']);
  // Nothing but the importance matrix is asked for.
  const isImatrixOnly = values['imatrix-out'] !== undefined && !recipe && !target && values.sparsity === undefined;
  const prompt = promptOptions(values);
  const model = values.model;
  if (!model) {
    throw badOption(
      'model',
      'No model was given.',
      'a folder, a file, or demo',
      'For the built-in model: --model demo',
    );
  }
  const options: CliOptions = {
    model,
    ...(values.adapter !== undefined && { adapter: values.adapter }),
    hub_endpoint: checkEndpoint(values['hub-endpoint'] ?? HUB_ENDPOINT),
    calibration: values.calibration,
    evaluation: values.evaluation,
    ...(values['text-kind'] !== undefined && { text_kind: readTextKinds(values['text-kind'], values) }),
    samples: count('samples', values.samples, 16, 1),
    eval_samples: count('eval-samples', values['eval-samples'], 16, 1),
    // One token predicts nothing.
    seqlen: count('seqlen', values.seqlen, 256, 2),
    ...(values.bos !== undefined && { bos: choice('bos', values.bos, BOS_MODES, 'none') }),
    // A recipe takes the place of the default slicing.
    sparsity: (recipe || target || isImatrixOnly) && values.sparsity === undefined ? [] : sparsities(values.sparsity),
    round: count('round', values.round, 8, 1),
    schedule: choice('schedule', values.schedule, SCHEDULES, 'sequential'),
    fusion: choice('fusion', values.fusion, FUSIONS, 'exact'),
    head: choice('head', values.head, HEADS, 'auto'),
    backend: choice('backend', values.backend, BACKENDS, 'auto'),
    repeat_on: choice('repeat-on', values['repeat-on'], REPEATS, 'none'),
    format:
      format?.trim() === 'none' || (isImatrixOnly && format === undefined)
        ? []
        : choices('format', format, EXPORT_FORMATS, 'onnx'),
    precision: choices('precision', values.precision, PRECISIONS, 'stored'),
    out: values.out ?? 'out',
    ...(values.imatrix !== undefined && { imatrix: values.imatrix }),
    ...(values['imatrix-out'] !== undefined && { imatrix_out: values['imatrix-out'] }),
    ...(values.tasks !== undefined && { tasks: paths('tasks', values.tasks) }),
    ...(values['task-limit'] !== undefined && { task_limit: count('task-limit', values['task-limit'], 1, 1) }),
    ...(recipe && { recipe }),
    ...(target && { target }),
    ...(values.trace !== undefined && { trace: values.trace }),
    ...(values.html !== undefined && { html: values.html }),
    ...(prompt && { prompt }),
    ...(values.plan && { plan: true }),
  };
  checkExports(options);
  return options;
}

/** Every format in each of the precisions that it has. */
export function exportChoices({ format, precision }: Pick<CliOptions, 'format' | 'precision'>): ExportChoice[] {
  return format.flatMap((name) =>
    precision
      .filter((wanted) => precisionsOf(name).includes(wanted))
      .map((wanted) => ({ format: name, precision: wanted })),
  );
}

/** A format or a precision that nothing would come of is a mistake. */
function checkExports(options: CliOptions): void {
  const { format, precision, sparsity } = options;
  if (format.length === 0) return;
  const pairs = exportChoices(options);
  const idle = format.find((name) => !pairs.some((pair) => pair.format === name));
  if (idle) {
    const message = `--precision is "${precision.join(',')}", none of which ${idle} has.`;
    throw badOption('precision', message, `for ${idle}: ${precisionsOf(idle).join(', ')}`);
  }
  const unused = precision.find((name) => !pairs.some((pair) => pair.precision === name));
  if (unused) {
    const able = EXPORT_FORMATS.filter((name) => precisionsOf(name).includes(unused));
    const message = `--format is "${format.join(',')}", which cannot be ${unused}.`;
    throw badOption('format', message, `for ${unused}: ${able.join(', ')}`);
  }
  if (format.includes('gguf') && sparsity.length > 0) {
    throw badOption(
      'format',
      '--format asks for gguf, which has no place for the shortcuts of a sliced model.',
      EXPORT_FORMATS.filter((name) => name !== 'gguf').join(', '),
      'To write the model itself as GGUF, add --sparsity none.',
    );
  }
}

/** METHOD of `--help METHOD`. */
function helpTopic(argv: readonly string[]): string | undefined {
  const next = argv[argv.findIndex((token) => token === '--help' || token === '-h') + 1];
  const isAsked = argv.includes('--help') || argv.includes('-h');
  return isAsked && next !== undefined && !next.startsWith('-') ? next : undefined;
}

function parseTokens(argv: string[]) {
  try {
    return parseArgs({ args: joinNegatives(argv), options: SPEC, strict: true, allowPositionals: false }).values;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new WhittleError({
      code: 'bad_option',
      message: sentence(message.split(/\. |\n/)[0]),
      allowed: Object.keys(SPEC)
        .map((name) => `--${name}`)
        .join(' '),
      action: 'Run with --help to see what each means.',
    });
  }
}

/** `--sparsity -0.1` as `--sparsity=-0.1`: a number is never an option, and its own check names the range. */
function joinNegatives(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (const token of argv) {
    const option = joined.at(-1);
    const takesValue = option?.startsWith('--') && SPEC[option.slice(2) as keyof typeof SPEC]?.type === 'string';
    if (takesValue && /^-\.?\d/.test(token)) joined[joined.length - 1] = `${option}=${token}`;
    else joined.push(token);
  }
  return joined;
}

function sentence(message: string): string {
  return message.endsWith('.') ? message : `${message}.`;
}

function badOption(field: string, message: string, allowed: string, action?: string): WhittleError {
  return new WhittleError({ code: 'bad_option', message, place: { field: `--${field}` }, allowed, action });
}

function count(field: string, value: string | undefined, fallback: number, least: number): number {
  if (value === undefined) return fallback;
  if (!/^\d{1,9}$/.test(value) || Number(value) < least) {
    throw badOption(field, `--${field} is "${value}".`, `a whole number, at least ${least}`);
  }
  return Number(value);
}

/** Separated by commas; a name that has some cannot be given. */
function paths(field: string, value: string): string[] {
  const found = value.split(',').map((path) => path.trim());
  if (found.every(Boolean)) return [...new Set(found)];
  throw badOption(field, `--${field} is "${value}".`, 'one or several files, separated by commas');
}

function sparsities(value: string | undefined): number[] {
  if (value?.trim() === 'none') return [];
  const parts = (value ?? '0.25').split(',').map((part) => part.trim());
  const shares = parts.map((part) => {
    const share = /^(?:\d+\.?\d*|\.\d+)$/.test(part) ? Number(part) : Number.NaN;
    if (!(share >= 0 && share < 1)) {
      throw badOption(
        'sparsity',
        `--sparsity is "${value}".`,
        'none, or one or several shares from 0 up to, but not including, 1, separated by commas',
        'For 25 % write 0.25.',
      );
    }
    return share;
  });
  return [...new Set(shares)];
}

function choice<T extends string>(field: string, value: string | undefined, allowed: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  const found = allowed.find((name) => name === value);
  if (!found) throw badOption(field, `--${field} is "${value}".`, allowed.join(', '));
  return found;
}

/** As people write them: Q4_K_M, q4_k_m. */
function fileTypes(value: string): FileType[] {
  return choices('gguf-type', value.toLowerCase(), FILE_TYPES, 'q4_k_m');
}

function choices<T extends string>(field: string, value: string | undefined, allowed: readonly T[], fallback: T): T[] {
  const names = (value ?? fallback).split(',').map((name) => name.trim());
  const found = names.map((name) => allowed.find((one) => one === name));
  if (found.some((name) => name === undefined)) {
    throw badOption(field, `--${field} is "${value}".`, `one or several of ${allowed.join(', ')}, separated by commas`);
  }
  return [...new Set(found as T[])];
}
