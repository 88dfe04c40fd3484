import { describe, expect, it } from 'vitest';
import { toErrorData } from '../../errors/errors.ts';
import { capitalize, length, strip, trailingSpace } from './python_text.ts';
import { readTask } from './read_task.ts';

const blob = (...lines: readonly unknown[]) =>
  new Blob([lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')]);
const read = (...lines: readonly unknown[]) => readTask('a.jsonl', blob(...lines));
async function refused(...lines: readonly unknown[]) {
  return toErrorData(
    await read(...lines).then(
      (task) => task,
      (thrown: unknown) => thrown,
    ),
  );
}

const PIQA = { goal: 'G', sol1: 'one', sol2: 'two', label: 1 };
const ARC = { question: 'Q', choices: { text: ['x', 'y'], label: ['A', 'B'] }, answerKey: 'B' };
const SWAG = { activity_label: 'L', ctx_a: 'a [title] b', ctx_b: 'the CAT', endings: ['x [step] y', 'z'], label: '1' };
const GRANDE = { sentence: 'Tim met _ at home.  ', option1: 'Tom', option2: 'Mia', answer: '2' };

describe('a file of multiple-choice examples', () => {
  it('gives the texts that lm-evaluation-harness scores', async () => {
    expect((await read(PIQA)).examples).toEqual([
      {
        line: 1,
        gold: 1,
        candidates: [
          { context: 'Question: G\nAnswer:', continuation: ' one', choice: 'one' },
          { context: 'Question: G\nAnswer:', continuation: ' two', choice: 'two' },
        ],
      },
    ]);
    const [arc] = (await read(ARC)).examples;
    expect([arc.gold, arc.candidates[1]]).toEqual([
      1,
      { context: 'Question: Q\nAnswer:', continuation: ' y', choice: 'y' },
    ]);
    const [swag] = (await read(SWAG)).examples;
    expect(swag.candidates[0]).toEqual({ context: 'L: a. b The cat', continuation: ' x y', choice: 'x y' });
    const [grande] = (await read(GRANDE)).examples;
    expect(grande.gold).toBe(1);
    expect(grande.candidates[1]).toMatchObject({ context: 'Tim met Mia', continuation: ' at home.' });
  });

  it('reads the authors’ form of ARC, labels as texts or numbers, empty lines, a byte-order mark, and only so many', async () => {
    const own = {
      question: {
        stem: 'Q',
        choices: [
          { text: 'x', label: '1' },
          { text: 'y', label: '2' },
        ],
      },
      answerKey: '2',
    };
    expect((await read(own)).examples[0]).toEqual((await read(ARC)).examples[0]);
    expect((await read({ ...PIQA, label: '0' })).examples[0].gold).toBe(0);
    const { examples } = await read(`\ufeff${JSON.stringify(PIQA)}`, '', '\r', PIQA);
    expect(examples.map(({ line }) => line)).toEqual([1, 4]);
    expect((await readTask('a.jsonl', blob(PIQA, PIQA, 'not read'), 2)).examples).toHaveLength(2);
  });

  it.each<[string, readonly unknown[], object, RegExp]>([
    ['a broken line', [PIQA, '{"goal": '], { line: 2 }, /not JSON/],
    ['a JSON list', [[PIQA]], { line: 1 }, /JSON list/],
    ['a text in a line', [PIQA, '"x"'], { line: 2 }, /"x"/],
    ['fields of no task', [{ prompt: 'x' }], { line: 1 }, /prompt/],
    ['another task behind the first', [PIQA, GRANDE], { line: 2, field: 'goal' }, /missing/],
    ['a label beyond the choices', [{ ...PIQA, label: 2 }], { field: 'label' }, /is 2/],
    ['no answer, as in test sets', [{ ...SWAG, label: '' }], { field: 'label' }, /is ""/],
    ['a hidden answer', [{ ...PIQA, label: -1 }], { field: 'label' }, /is -1/],
    ['an answer that is no choice', [{ ...ARC, answerKey: 'E' }], { field: 'answerKey' }, /"E"/],
    [
      'fewer labels than texts',
      [{ ...ARC, choices: { text: ['x', 'y'], label: ['A'] } }],
      { field: 'choices.label' },
      /\["A"\]/,
    ],
    ['endings that are no texts', [{ ...SWAG, endings: ['x', 1] }], { field: 'endings' }, /\["x",1\]/],
    ['a sentence without a blank', [{ ...GRANDE, sentence: 'none' }], { field: 'sentence' }, /"none"/],
    ['a blank option', [{ ...GRANDE, option1: ' ' }], { field: 'option1' }, /" "/],
    ['a number for a text', [{ ...PIQA, sol1: 3 }], { field: 'sol1' }, /is 3/],
  ])('refuses %s with line and field', async (_, lines, place, message) => {
    const error = await refused(...lines);
    expect(error).toMatchObject({ code: 'bad_jsonl', place: { file: 'a.jsonl', line: expect.any(Number), ...place } });
    expect(error.message).toMatch(message);
    expect(error.action).toBeTruthy();
  });

  it('refuses nothing at all, and what is not UTF-8', async () => {
    expect(await refused('', '')).toMatchObject({ code: 'bad_jsonl', message: expect.stringMatching(/no examples/) });
    const bytes = new Blob([JSON.stringify(PIQA), '\n', new Uint8Array([0xff, 0xfe, 0x41])]);
    const error = toErrorData(await readTask('a.jsonl', bytes).catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ code: 'bad_jsonl', message: expect.stringMatching(/UTF-8/) });
  });
});

describe('Python’s text functions', () => {
  it('are Python’s, not JavaScript’s', () => {
    expect(['', 'the CAT', 'élan', 'ßeta', 'ǆabc', 'ΑΣ', 'ﬁne', '1A'].map(capitalize)).toEqual([
      '',
      'The cat',
      'Élan',
      'Sseta',
      'ǅabc',
      'Ας',
      'Fine',
      '1a',
    ]);
    expect(strip('\u0085\u001c x\u00a0\n')).toBe('x');
    expect(strip('\ufeffx')).toBe('\ufeffx');
    expect(trailingSpace('a b \t')).toBe(' \t');
    expect([length('naïve'), length('🙂')]).toEqual([5, 1]);
  });
});
