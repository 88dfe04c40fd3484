import { describe, expect, it } from 'vitest';
import type { GeneratedText, GenerateRequest, TokenLosses } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { addRun } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import { SPEAK_SETTINGS, type Speaker, type Voice } from '../store/voices.ts';
import { exportReport, recipeRun, studioWith, untilCancelled } from '../testing.ts';
import { cancelJob } from './job.ts';
import { lookAtTokens, writeTexts } from './speak.ts';

const SPEAKERS: Speaker[] = [
  { key: 'dense', target: 'dense', label: 'dense' },
  { key: 'run-1', target: 'run-1', label: 'small' },
  { key: 'f', target: 'run-1', label: 'file', file: { format: 'onnx', precision: 'int4' } },
];
const PROMPT = { text: 'Once' };

const written = ({ target }: GenerateRequest, text: string): GeneratedText => ({
  ...{ target, text, tokens: [1, 2], prompt: 'Once', prompt_tokens: 1, stopped: 'max_tokens' },
  ...{ tokens_per_second: 9, first_token_ms: 1, sampling: { temperature: 0, top_k: 0, top_p: 1, seed: 0 } },
});

/** What the card would show, and every state that it went through. */
function shown() {
  let voices: readonly Voice[] = [];
  const states: string[] = [];
  const show = (change: (voices: readonly Voice[]) => readonly Voice[]) => {
    voices = change(voices);
    states.push(voices.map(({ state, text }) => `${state} ${text}`.trim()).join(' | '));
  };
  return { show, states, voices: () => voices };
}

describe('writeTexts', () => {
  it('lets one after the other write, with the same settings, and shows every piece', async () => {
    const { studio, engine } = studioWith({
      generate: (request, emit) => {
        for (const piece of ['a', 'b']) emit({ type: 'text', target: request.target, piece });
        return written(request, 'ab');
      },
    });
    const { show, states, voices } = shown();
    await writeTexts(studio, SPEAKERS, PROMPT, { ...SPEAK_SETTINGS, seed: 5 }, show);
    const { max_tokens, ...sampling } = { ...SPEAK_SETTINGS, seed: 5 };
    expect(engine.commands.map(({ request }) => request)).toEqual([
      { target: 'dense', prompt: PROMPT, sampling, max_tokens },
      { target: 'run-1', prompt: PROMPT, sampling, max_tokens },
      { target: 'run-1', file: SPEAKERS[2].file, prompt: PROMPT, sampling, max_tokens },
    ]);
    expect(states.slice(0, 5)).toEqual([
      'waiting | waiting | waiting',
      'writing | waiting | waiting',
      'writing a | waiting | waiting',
      'writing ab | waiting | waiting',
      'done ab | waiting | waiting',
    ]);
    expect(voices().map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(studio.store.getState().job).toMatchObject({ state: 'finished', kind: 'speak', outcome: 'done' });
  });

  it('keeps how fast a file wrote, for the front', async () => {
    const { studio } = studioWith({ generate: (request) => written(request, 'ab') });
    const choice = { format: 'onnx', precision: 'int4' } as const;
    const done = {
      choice,
      state: 'done' as const,
      report: exportReport({ id: 'run-1', options: choice }),
      protocol: null,
    };
    const other = { ...done, choice: { ...choice, precision: 'f16' as const } };
    const run = { ...recipeRun('run-1', { bytes: 1, perplexity: 80, kl: 0 }), exports: [done, other] };
    changeResults(studio.store, (results) => addRun(results, run));
    await writeTexts(studio, SPEAKERS, PROMPT, SPEAK_SETTINGS, () => {});
    expect(studio.store.getState().results.runs[0].exports).toEqual([{ ...done, tokens_per_second: 9 }, other]);
  });

  it('shows what one could not write in its place, and lets the others write', async () => {
    const { studio } = studioWith({
      generate: (request) => {
        if (request.file) throw new WhittleError({ code: 'limit_exceeded', message: 'Too large.' });
        return written(request, 'ab');
      },
    });
    const { show, voices } = shown();
    await writeTexts(studio, [SPEAKERS[2], SPEAKERS[0]], PROMPT, SPEAK_SETTINGS, show);
    expect(voices()).toMatchObject([{ state: 'failed', error: { code: 'limit_exceeded' } }, { state: 'done' }]);
  });

  it('stops where it is when it is cancelled, and keeps what was written', async () => {
    const { studio, engine } = studioWith({
      generate: ({ target }, emit, signal) => {
        emit({ type: 'text', target, piece: 'a' });
        queueMicrotask(() => cancelJob(studio));
        return untilCancelled(signal);
      },
    });
    const { show, voices } = shown();
    await writeTexts(studio, SPEAKERS, PROMPT, SPEAK_SETTINGS, show);
    expect(voices()).toMatchObject([{ state: 'stopped', text: 'a' }, { state: 'stopped', text: '' }, {}]);
    expect(engine.kinds()).toEqual(['generate']);
    expect(studio.store.getState().job).toMatchObject({ state: 'finished', outcome: 'cancelled' });
  });

  it('does not stop a job that runs', async () => {
    const { studio, engine } = studioWith({ generate: (_, __, signal) => untilCancelled(signal) });
    const [first, second] = [shown(), shown()];
    const running = writeTexts(studio, SPEAKERS, PROMPT, SPEAK_SETTINGS, first.show);
    await writeTexts(studio, SPEAKERS, PROMPT, SPEAK_SETTINGS, second.show);
    expect(await lookAtTokens(studio, 'run-1')).toBeNull();
    expect(second.voices()).toEqual([]);
    expect(engine.kinds()).toEqual(['generate']);
    cancelJob(studio);
    await running;
  });
});

describe('lookAtTokens', () => {
  it('asks for the same text in both models', async () => {
    const losses = (target: string): TokenLosses => ({ target, tokens: [], mean_loss: 1, left_out: 0 });
    const { studio, engine } = studioWith({ token_losses: ({ target }) => losses(target) });
    expect(await lookAtTokens(studio, 'run-1', 'Hi')).toEqual({ dense: losses('dense'), compressed: losses('run-1') });
    expect(await lookAtTokens(studio, 'run-1')).not.toBeNull();
    expect(engine.commands.map(({ request }) => request)).toEqual([
      ...[
        { target: 'dense', text: 'Hi' },
        { target: 'run-1', text: 'Hi' },
      ],
      ...[{ target: 'dense' }, { target: 'run-1' }],
    ]);
  });
});
