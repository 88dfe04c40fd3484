import { describe, expect, it } from 'vitest';
import { exportReport, MODEL, recipeRun } from '../testing.ts';
import { countChanges, levelOf, readableToken, tokenChanges } from './microscope.ts';
import { NO_RESULTS, type Results } from './results.ts';
import { parting, speakers, spokenOf, usualSpeakers } from './voices.ts';

const figures = { bytes: 1e6, perplexity: 80, kl: 0.1 };

function results(): Results {
  const onnx = { format: 'onnx', precision: 'stored' } as const;
  const gguf = { format: 'gguf', precision: 'f16' } as const;
  const done = { state: 'done', protocol: null } as const;
  const exports = [
    { ...done, choice: onnx, report: exportReport({ id: 'run-1', options: onnx }) },
    { ...done, choice: gguf, report: exportReport({ id: 'run-1', options: gguf }) },
  ];
  return {
    ...NO_RESULTS,
    model: MODEL,
    runs: [
      { ...recipeRun('run-1', figures), exports, name: 'small' },
      { ...recipeRun('run-2', figures), is_lost: true, exports },
      { ...recipeRun('run-3', figures), exports: [{ choice: onnx, state: 'running' }] },
    ],
  };
}

describe('who can write', () => {
  it('is the dense model, runs whose weights are here, and their finished ONNX files', () => {
    expect(speakers(NO_RESULTS)).toEqual([]);
    expect(speakers(results()).map(({ key }) => key)).toEqual(['dense', 'run-1', 'run-3', 'run-1 onnx-stored']);
    expect(speakers(results()).at(-1)).toMatchObject({
      ...{ target: 'run-1', file: { format: 'onnx', precision: 'stored' }, label: 'small, file: ONNX' },
    });
  });

  it('speaks of the chosen run, else of the newest', () => {
    expect(spokenOf({ selected: 'run-1', results: results() })).toBe('run-1');
    expect(spokenOf({ selected: null, results: results() })).toBe('run-3');
    expect(spokenOf({ selected: null, results: NO_RESULTS })).toBeNull();
  });

  it('is usually the dense model, the shown run, and its file', () => {
    expect(usualSpeakers(results(), 'run-1')).toEqual(['dense', 'run-1', 'run-1 onnx-stored']);
    expect(usualSpeakers(results(), 'run-3')).toEqual(['dense', 'run-3']);
    expect(usualSpeakers(results(), 'gone')).toEqual(['dense']);
    expect(usualSpeakers(NO_RESULTS, null)).toEqual([]);
  });
});

describe('where a text parts from the first', () => {
  const first = 'Once there was a fox.';
  it.each([
    // Only not as long yet.
    ['Once there', false, { same: 'Once there', word: '', rest: '' }],
    [first, true, { same: first, word: '', rest: '' }],
    ['Once there is a fox.', false, { same: 'Once there ', word: 'is', rest: ' a fox.' }],
    ['Once there was a fox. And', true, { same: first, word: ' And', rest: '' }],
    ['Two', true, { same: '', word: 'Two', rest: '' }],
    ['', true, { same: '', word: '', rest: '' }],
  ])('is the word in which it does: %s', (text, isWhole, parts) => {
    expect(parting(text, first, isWhole)).toEqual(parts);
  });

  it('is never half of a character', () => {
    // Both begin with the same surrogate.
    expect(parting('a 😀', 'a 😁', true)).toEqual({ same: 'a ', word: '😀', rest: '' });
  });
});

describe('tokens under the microscope', () => {
  it('are shown as they read, and in their own letters where they are no text by themselves', () => {
    expect(readableToken({ token: 'ĠThe', text: ' The' })).toBe('␣The');
    expect(readableToken({ token: 'Ċ', text: '\n' })).toBe('↵');
    expect(readableToken({ token: 'Ã', text: '\uFFFD' })).toBe('Ã');
    expect(readableToken({ token: '<s>', text: '' })).toBe('<s>');
  });

  const losses = (logprobs: (number | null)[]) => ({
    ...{ target: 'dense', mean_loss: 1, left_out: 0 },
    tokens: logprobs.map((logprob, id) => ({ id, token: `t${id}`, text: ' a', logprob })),
  });

  it('has the change of each token, and none of the first', () => {
    const rows = tokenChanges(losses([null, -1, -2, -3]), losses([null, -4, -2.05, -2.4]));
    expect(rows.map(({ change }) => change)).toEqual([null, -3, expect.closeTo(-0.05), expect.closeTo(0.6)]);
    expect(rows.map(({ change }) => levelOf(change))).toEqual([0, -3, 0, 2]);
    expect(countChanges(rows)).toEqual({ less: 1, more: 1, all: 3 });
  });

  it('has its levels at 0.1, 0.5 and 2 nats', () => {
    expect([-2, -1.99, -0.5, -0.1, -0.09, 0, 0.1, 0.5, 2].map(levelOf)).toEqual([-3, -2, -2, -1, 0, 0, 1, 2, 3]);
  });
});
