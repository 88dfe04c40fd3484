/** @file A project file, `NAME.whittle.json`: all that a session knows but weights, texts and exported files. Version 1. */
import * as v from 'valibot';
import { TEXT_KINDS } from '../../engine/plan.ts';
import type { Results } from '../store/results.ts';
import type { Settings } from '../store/settings.ts';
import type { SiteEdits } from '../store/site_dimensions.ts';
import type { FrontSettings } from '../store/store.ts';
import {
  format,
  list,
  model,
  number,
  perplexity,
  precision,
  protocol,
  run,
  score,
  site,
  solution,
  task,
  text,
  trainingPoint,
  whole,
} from './reports.ts';

export const PROJECT_VERSION = 1;
export const PROJECT_FORMAT = 'whittle-project';

/** A text's place: the built-in one, or a file that the person has to give again. */
const textPlace = v.variant('kind', [
  /** `text`: its kind; absent: prose. */
  v.object({ kind: v.literal('built-in'), text: v.optional(v.picklist(TEXT_KINDS)) }),
  v.object({ kind: v.literal('own'), name: text() }),
]);

const texts = v.object({
  calibration: textPlace,
  evaluation: textPlace,
  samples: whole(1, 4096),
  eval_samples: whole(1, 4096),
  seqlen: whole(2, 131_072),
  bos: v.optional(v.picklist(['auto', 'none', 'first', 'each'])),
});

const source = v.variant('kind', [
  v.object({ kind: v.literal('built-in') }),
  v.object({ kind: v.literal('files') }),
  /** Of the Hugging Face Hub. */
  v.object({ kind: v.literal('hub'), key: v.object({ id: text(300), commit: text(100), choice: text(300) }) }),
]);

const choice = v.object({ format, precision });

const settings: v.GenericSchema<unknown, Omit<Settings, 'theme' | 'backend' | 'texts'>> = v.object({
  sparsity_percent: v.pipe(v.number(), v.minValue(0), v.maxValue(60)),
  round: whole(1, 65_536),
  schedule: v.picklist(['sequential', 'rotate-once']),
  fusion: v.picklist(['exact', 'official']),
  head: v.picklist(['auto', 'tied', 'untied', 'sliced', 'tied-sliced']),
  export: v.object({ sliced: choice, dense: choice }),
});

/** Quantities may come and go; one that is not known stands as by default. */
const front = v.object({
  x: text(100),
  y: text(100),
  target: v.nullable(whole(1)),
  columns: list(text(100), 100),
} satisfies Record<keyof FrontSettings, unknown>);

/** Dimensions of single sites. `at`: sparsity in percent and rounding, as in 25/8. */
const edits: v.GenericSchema<unknown, SiteEdits> = v.object({
  fingerprint: text(200),
  at: text(40),
  own: v.record(v.pipe(v.string(), v.regex(/^\d{1,5}$/)), whole(1)),
  locked: list(whole(), 20_001),
  multiple: whole(1, 65_536),
});

const marks = { name: v.optional(text(1000)), is_pinned: v.optional(v.boolean()) };
const measured = { ...marks, perplexity: v.nullable(perplexity) };

const curve: v.GenericSchema<unknown, Results['curves'][string]> = list(
  v.object({ window: whole(1), perplexity: number, relative_spread: v.nullable(number), loss: number }),
);

const metric = v.object({
  ...v.entriesFromList(['time', 'run', 'command', 'metric'], text()),
  value: v.number(),
  unit: v.optional(text(100)),
  index: v.optional(whole()),
  of: v.optional(text()),
});

const liveTraining = { step: text(1e6), steps: whole(), points: list(trainingPoint) };

export const projectSchema = v.object({
  $schema: v.optional(text(1000)),
  format: v.literal(PROJECT_FORMAT),
  version: v.literal(PROJECT_VERSION),
  /** Of Whittle, that wrote it. */
  written_by: text(100),
  /** ISO 8601. */
  saved_at: text(100),
  name: v.pipe(text(200), v.minLength(1)),
  model,
  source,
  texts,
  /** What the figures of the dense model were measured with; null: not measured. */
  measured_with: v.nullable(v.object({ texts, protocol })),
  settings,
  recipe: text(1e6),
  front,
  /** Absent where all sites are as the slider has them. */
  edits: v.optional(edits),
  /** Ids of new runs begin behind this. */
  engines: whole(0, 1e9),
  dense: v.nullable(perplexity),
  spectra: v.nullable(
    v.object({ fusion: v.picklist(['exact', 'official']), is_complete: v.boolean(), sites: list(site, 20_001) }),
  ),
  /** Whatever made them. `protocol`: what the texts were then. */
  runs: list(v.object({ ...measured, report: run, protocol: v.nullable(protocol) }), 10_000),
  selected: v.nullable(text(100)),
  solution: v.nullable(solution),
  curves: v.record(v.string(), curve),
  training: v.nullable(v.object({ ...liveTraining, earlier: v.optional(list(v.object(liveTraining), 1000)) })),
  tasks: list(task, 1000),
  scores: v.record(v.string(), list(score, 1000)),
  metrics: v.object({ lines: list(metric), recipes: v.record(v.string(), text(1e6)) }),
});

export type Project = v.InferOutput<typeof projectSchema>;
