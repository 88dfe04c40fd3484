import { expect, it } from 'vitest';
import { WhittleError } from '../../errors/errors.ts';
import { studioWith } from '../testing.ts';
import { takeExamples } from './examples.ts';

const report = (name: string) => ({ name, pairs: 2, has_completions: true, rationales: 0, sha256: '1' });
const file = (name: string) => new File(['{}'], name);

it('takes files of examples beside those that are there, and says whether it could', async () => {
  const known: string[] = [];
  const { studio, engine } = studioWith({
    set_examples: async ({ files, add }) => {
      if (files.some(({ name }) => name === 'bad.jsonl')) throw new WhittleError({ code: 'bad_jsonl', message: 'No.' });
      if (!add) known.length = 0;
      known.push(...files.map(({ name }) => name));
      return known.map(report);
    },
  });
  expect(await takeExamples(studio, [file('a.jsonl')])).toBe(true);
  expect(await takeExamples(studio, [file('b.jsonl')])).toBe(true);
  expect(studio.store.getState().results.examples).toEqual([report('a.jsonl'), report('b.jsonl')]);
  expect(await takeExamples(studio, [file('bad.jsonl')])).toBe(false);
  expect(studio.store.getState().results.examples).toHaveLength(2);
  expect(await takeExamples(studio, [])).toBe(true);
  expect(studio.store.getState().results.examples).toEqual([]);
  expect(engine.commands.every(({ kind }) => kind === 'set_examples')).toBe(true);
});
