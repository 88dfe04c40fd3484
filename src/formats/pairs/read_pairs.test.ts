import { describe, expect, it } from 'vitest';
import { toErrorData } from '../../errors/errors.ts';
import { readPairs } from './read_pairs.ts';

const blob = (...lines: readonly unknown[]) => new Blob([lines.map((line) => JSON.stringify(line)).join('\n')]);
const read = (...lines: readonly unknown[]) => readPairs('a.jsonl', blob(...lines));

describe('pairs of prompt and answer', () => {
  it('are read with their rationale where there is one', async () => {
    const { form, pairs } = await read(
      { prompt: '2 + 2 =', completion: ' 4', rationale: 'Two and two.' },
      { prompt: 'x', completion: 'y', rationale: null },
    );
    expect(form).toBe('completion');
    expect(pairs).toEqual([
      { line: 1, prompt: '2 + 2 =', message: '2 + 2 =', completion: ' 4', rationale: 'Two and two.' },
      { line: 2, prompt: 'x', message: 'x', completion: 'y' },
    ]);
  });

  it('are put into Alpaca’s prompts, with an input and without', async () => {
    const { form, pairs } = await read(
      { instruction: 'Add.', input: '1, 2', output: '3' },
      { instruction: 'Say hello.', input: '', output: 'Hello' },
      { instruction: 'Say hello.', output: 'Hello' },
    );
    expect(form).toBe('instruction');
    expect(pairs[0].prompt).toMatch(
      /further context\. Write .*### Instruction:\nAdd\.\n\n### Input:\n1, 2\n\n### Response:\n$/s,
    );
    expect(pairs[1].prompt).toMatch(/task\. Write .*### Instruction:\nSay hello\.\n\n### Response:\n$/s);
    expect(pairs[2].prompt).toBe(pairs[1].prompt);
    expect(pairs.map(({ message }) => message)).toEqual(['Add.\n\n1, 2', 'Say hello.', 'Say hello.']);
  });

  it('may be prompts alone', async () => {
    const { form, pairs } = await read({ prompt: 'x' }, { prompt: 'y' });
    expect(form).toBe('prompt');
    expect(pairs[1]).toEqual({ line: 2, prompt: 'y', message: 'y' });
    expect((await read({ instruction: 'Add.', input: '1' })).form).toBe('task');
  });

  it.each<[string, readonly unknown[], object]>([
    ['other fields', [{ question: 'x' }], { line: 1 }],
    ['a blank answer', [{ prompt: 'x', completion: ' ' }], { line: 1, field: 'completion' }],
    [
      'a number',
      [
        { prompt: 'x', completion: 'y' },
        { prompt: 'x', completion: 3 },
      ],
      { line: 2, field: 'completion' },
    ],
    ['an input that is no text', [{ instruction: 'x', input: 3, output: 'y' }], { line: 1, field: 'input' }],
    [
      'another form behind the first',
      [
        { prompt: 'x', completion: 'y' },
        { instruction: 'x', output: 'y' },
      ],
      { line: 2, field: 'prompt' },
    ],
    [
      'an answer behind prompts alone',
      [{ prompt: 'x' }, { prompt: 'x', completion: 'y' }],
      { line: 2, field: 'completion' },
    ],
  ])('refuses %s with line and field', async (_, lines, place) => {
    const error = toErrorData(await read(...lines).catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ code: 'bad_jsonl', place: { file: 'a.jsonl', ...place } });
    expect(error.action).toBeTruthy();
  });

  it('refuses a file without pairs', async () => {
    expect(toErrorData(await read().catch((thrown: unknown) => thrown))).toMatchObject({ code: 'bad_jsonl' });
  });
});
