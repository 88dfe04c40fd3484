/** @file Settings in an address: what differs from the defaults, by short names; read back with a word on what is not understood. */
import { BOS_MODES, TEXT_KINDS } from '../../engine/plan.ts';
import { EXPORT_FORMATS, type ExportFormat, withFormat } from './exports.ts';
import { QUANTITY_NAMES } from './quantities.ts';
import { builtInSource, DEFAULT_SETTINGS, MAX_SPARSITY_PERCENT, type Settings } from './settings.ts';
import { editsAt, placeOf, type SiteEdits } from './site_dimensions.ts';
import { readEdits, writeEdits } from './site_link.ts';
import type { FrontSettings } from './store.ts';

export interface Linked {
  settings: Settings;
  recipe: string;
  front: FrontSettings;
  edits: SiteEdits;
}

interface Field {
  /** Null where it is as it is by default. */
  write: (state: Linked) => string | number | null;
  /** Null for what is not allowed. */
  read: (text: string, state: Linked) => Linked | null;
  allowed: string;
}

/** A recipe of a solver names every matrix; addresses beyond this length are cut by some that pass them on. */
const MOST_RECIPE = 6000;

type NumberOf = 'sparsity_percent' | 'round';
type Choice = 'schedule' | 'fusion' | 'head';

function settingNumber(name: NumberOf, least: number, most: number, isWhole: boolean): Field {
  return {
    allowed: `${isWhole ? 'a whole number' : 'a number'} from ${least} to ${most}`,
    write: ({ settings }) => (settings[name] === DEFAULT_SETTINGS[name] ? null : settings[name]),
    read: (text, state) => {
      const value = numberIn(text, least, most, isWhole);
      return value === null ? null : { ...state, settings: { ...state.settings, [name]: value } };
    },
  };
}

function settingChoice(name: Choice, values: readonly string[]): Field {
  return {
    allowed: values.join(', '),
    write: ({ settings }) => (settings[name] === DEFAULT_SETTINGS[name] ? null : settings[name]),
    read: (text, state) =>
      values.includes(text) ? { ...state, settings: { ...state.settings, [name]: text } as Settings } : null,
  };
}

function textNumber(name: 'samples' | 'eval_samples' | 'seqlen', least: number, most: number): Field {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    write: ({ settings: { texts } }) => (texts[name] === DEFAULT_SETTINGS.texts[name] ? null : texts[name]),
    read: (text, state) => {
      const value = numberIn(text, least, most, true);
      const { settings } = state;
      return value === null
        ? null
        : { ...state, settings: { ...settings, texts: { ...settings.texts, [name]: value } } };
    },
  };
}

/** A person's own file is in no address. */
function textKind(role: 'calibration' | 'evaluation'): Field {
  return {
    allowed: TEXT_KINDS.join(', '),
    write: ({ settings: { texts } }) => {
      const text = texts[role];
      return text.kind === 'demo' && text.of ? text.of : null;
    },
    read: (text, state) => {
      const of = TEXT_KINDS.find((each) => each === text);
      const { settings } = state;
      return of
        ? { ...state, settings: { ...settings, texts: { ...settings.texts, [role]: builtInSource(of) } } }
        : null;
    },
  };
}

function axis(name: 'x' | 'y', otherwise: string): Field {
  return {
    allowed: QUANTITY_NAMES.join(', '),
    write: ({ front }) => (front[name] === otherwise ? null : front[name]),
    read: (text, state) => {
      const found = QUANTITY_NAMES.find((each) => each === text);
      return found ? { ...state, front: { ...state.front, [name]: found } } : null;
    },
  };
}

const FIELDS: Readonly<Record<string, Field>> = {
  recipe: {
    allowed: `at most ${MOST_RECIPE} characters`,
    write: ({ recipe }) => (recipe === '' || recipe.length > MOST_RECIPE ? null : recipe),
    read: (text, state) => (text.length <= MOST_RECIPE ? { ...state, recipe: text } : null),
  },
  size: {
    allowed: 'bytes, a whole number from 1 on',
    write: ({ front }) => front.target,
    read: (text, state) => {
      const target = numberIn(text, 1, Number.MAX_SAFE_INTEGER, true);
      return target === null ? null : { ...state, front: { ...state.front, target } };
    },
  },
  format: {
    allowed: EXPORT_FORMATS.join(', '),
    write: ({ settings }) => {
      const { format } = settings.export.sliced;
      return format === DEFAULT_SETTINGS.export.sliced.format ? null : format;
    },
    read: (text, state) => {
      const { settings } = state;
      if (!EXPORT_FORMATS.includes(text as ExportFormat)) return null;
      const sliced = withFormat(settings.export.sliced, text as ExportFormat);
      return { ...state, settings: { ...settings, export: { ...settings.export, sliced } } };
    },
  },
  sparsity: settingNumber('sparsity_percent', 0, MAX_SPARSITY_PERCENT, false),
  round: settingNumber('round', 1, 65_536, true),
  schedule: settingChoice('schedule', ['sequential', 'rotate-once']),
  fusion: settingChoice('fusion', ['exact', 'official']),
  head: settingChoice('head', ['auto', 'tied', 'untied', 'sliced', 'tied-sliced']),
  calibration: textNumber('samples', 1, 4096),
  evaluation: textNumber('eval_samples', 1, 4096),
  'calibration-text': textKind('calibration'),
  'evaluation-text': textKind('evaluation'),
  length: textNumber('seqlen', 2, 131_072),
  bos: {
    allowed: ['auto', ...BOS_MODES].join(', '),
    write: ({ settings: { texts } }) => (texts.bos === undefined || texts.bos === 'auto' ? null : texts.bos),
    read: (text, state) => {
      const bos = BOS_MODES.find((each) => each === text);
      const { settings } = state;
      return bos ? { ...state, settings: { ...settings, texts: { ...settings.texts, bos } } } : null;
    },
  },
  sites: {
    allowed: 'MODEL_PERCENT_ROUND_MULTIPLE_SITE-DIMENSION.…, an x behind what is locked, as Copy link writes it',
    write: ({ edits, settings }) => {
      const { sparsity_percent, round } = settings;
      const text = writeEdits(editsAt(edits, placeOf(edits, { sparsity_percent, round })));
      return text === null || text.length > MOST_RECIPE ? null : text;
    },
    read: (text, state) => {
      const edits = text.length <= MOST_RECIPE ? readEdits(text) : null;
      return edits && { ...state, edits };
    },
  },
  along: axis('x', 'bytes'),
  up: axis('y', 'perplexity'),
};

/** What stands behind "#"; empty where all is as by default. */
export function writeLink(state: Linked): string {
  const parts = new URLSearchParams();
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = field.write(state);
    if (value !== null) parts.set(name, String(value));
  }
  return parts.toString();
}

export interface ReadLink {
  state: Linked;
  /** Whether anything was there to be taken. */
  isAny: boolean;
  /** What was not taken, and what would have been; for people. */
  unread: string[];
}

/** @param hash As an address has it, with "#" or without. */
export function readLink(hash: string, before: Linked): ReadLink {
  let state = before;
  let isAny = false;
  const unread: string[] = [];
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ''))) {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    const next = field?.read(text, state);
    if (next) [state, isAny] = [next, true];
    else unread.push(`${name}=${shortened(text)}: ${field ? `allowed is ${field.allowed}` : 'no such setting'}.`);
  }
  return { state, isAny, unread };
}

/** What an address says otherwise than a state: a sentence each, for people. */
export function linkDifferences(hash: string, here: Linked): string[] {
  const { state } = readLink(hash, here);
  return Object.entries(FIELDS).flatMap(([name, field]) => {
    const [linked, own] = [field.write(state), field.write(here)];
    if (linked === own) return [];
    const said = (value: string | number | null) => (value === null ? 'the default' : shortened(String(value)));
    return [`${name}: ${said(linked)} in the address, ${said(own)} here.`];
  });
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}

function numberIn(text: string, least: number, most: number, isWhole: boolean): number | null {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const isAllowed = value >= least && value <= most && (!isWhole || Number.isInteger(value));
  return isAllowed ? value : null;
}
