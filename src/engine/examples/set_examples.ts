/** @file Command `set_examples`: files of prompts and answers that steps of a recipe name. */
import { WhittleError } from '../../errors/errors.ts';
import { type Pairs, readPairs } from '../../formats/pairs/read_pairs.ts';
import { fileDigest } from '../file_digest.ts';
import type { EngineState } from '../state.ts';

/** What was read, for people. */
export interface ExamplesReport {
  readonly name: string;
  readonly pairs: number;
  /** Whether every prompt has an answer, or none. */
  readonly has_completions: boolean;
  /** Pairs that say why. */
  readonly rationales: number;
  /** Of the file's bytes: another file of the same name is another. */
  readonly sha256: string;
}

export interface OpenedExamples extends Pairs {
  /** Of the file's bytes: stages of a recipe are told apart by it. */
  readonly sha256: string;
}

/**
 * Reads all of them before one is taken; none takes those that are there away.
 * @param isMore They join those that are there; one of the same name takes its place.
 * @throws `bad_jsonl`; `bad_option` for two of one name.
 */
export async function setExamplesCommand(
  state: EngineState,
  files: readonly File[],
  isMore = false,
): Promise<ExamplesReport[]> {
  const read = new Map<string, OpenedExamples>();
  for (const file of files) {
    if (read.has(file.name)) throw twice(file.name);
    read.set(file.name, { ...(await readPairs(file.name, file)), sha256: await fileDigest(file) });
  }
  state.examples = isMore ? new Map([...state.examples, ...read]) : read;
  return [...state.examples].map(([name, { pairs, sha256 }]) => ({
    name,
    pairs: pairs.length,
    has_completions: pairs[0].completion !== undefined,
    rationales: pairs.filter(({ rationale }) => rationale !== undefined).length,
    sha256,
  }));
}

function twice(file: string): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: `Two files of examples are called ${file}.`,
    place: { file },
    allowed: 'one file of a name: a recipe tells them apart by it',
    action: 'Rename one of them, and name it so in the recipe.',
  });
}
