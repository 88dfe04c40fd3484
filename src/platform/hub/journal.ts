/** @file The note beside a model's files: what was asked for, which files are checked. Read as carefully as any bad file. */
import * as v from 'valibot';
import type { HubPlan } from './types.ts';

export const JOURNAL_FILE = 'whittle-download.json';

export interface Journal {
  version: 1;
  plan: HubPlan;
  /** Paths of the files whose size and hash were right. */
  done: string[];
  /** By path: what the server called the content when its first bytes came. */
  etags: Record<string, string>;
  used_at: number;
}

const Text = v.pipe(v.string(), v.maxLength(1000));
const Bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const Schema = v.object({
  version: v.literal(1),
  plan: v.object({
    endpoint: Text,
    id: Text,
    revision: Text,
    commit: Text,
    choice: Text,
    files: v.array(v.object({ path: Text, bytes: Bytes, sha256: v.optional(Text), git_sha1: v.optional(Text) })),
  }),
  done: v.array(Text),
  etags: v.record(Text, Text),
  used_at: v.number(),
});

/** Nothing for a journal that was cut off or is of another version. */
export function parseJournal(text: string): Journal | undefined {
  try {
    const result = v.safeParse(Schema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
