import { describe, expect, it } from 'vitest';
import { missingTokens } from '../../engine/plan.ts';
import { WhittleError } from '../../errors/errors.ts';
import { placeOfFailure } from '../store/failure.ts';
import { changeSettings } from '../store/store.ts';
import { MODEL, PROTOCOL, perplexityReport, studioWith } from '../testing.ts';
import { dismiss } from './failure.ts';
import {
  addFiles,
  calibrateOn,
  joinedFiles,
  takeBuiltInTexts,
  takeEnoughWindows,
  takeWindowsOf,
  windowsToTake,
} from './mend.ts';
import { openFiles } from './open_model.ts';
import { slice } from './slice.ts';

const picked = (path: string) => ({ path, file: new File(['x'], path.split('/').pop() as string) });
const paths = (files: readonly { path: string }[]) => files.map(({ path }) => path);

const noTokenizer = () =>
  new WhittleError({
    code: 'bad_tokenizer',
    message: 'There is no tokenizer.json.',
    place: { file: 'tokenizer.json' },
  });

describe('a failed job', () => {
  it('knows the command that failed, so that it is told where that belongs', async () => {
    const { studio } = studioWith({
      set_texts: () => Promise.reject(new WhittleError({ code: 'text_too_short', message: 'Too short.' })),
    });
    await openFiles(studio, [picked('a/config.json')]);
    const { job } = studio.store.getState();
    expect(job).toMatchObject({ state: 'failed', kind: 'open', command: 'set_texts' });
    expect(job).toMatchObject({ title: 'Tokenising the texts' });
    if (job.state === 'failed') expect(placeOfFailure(job)).toBe('texts');
  });

  it('is told by what failed, where what came before it is there', async () => {
    const evaluate = ({ target }: { target: string }) => {
      if (target === 'dense') return perplexityReport(target, 75.9);
      throw new WhittleError({ code: 'device_lost', message: 'Lost.' });
    };
    const { studio } = studioWith({ evaluate });
    await openFiles(studio, [picked('a.gguf')]);
    await slice(studio);
    expect(studio.store.getState().results.runs).toHaveLength(1);
    expect(studio.store.getState().job).toMatchObject({ state: 'failed', title: 'Perplexity at 25 %' });
    const closed = studioWith({ open: () => Promise.reject(noTokenizer()) });
    await openFiles(closed.studio, [picked('a.gguf')]);
    expect(closed.studio.store.getState().job).toMatchObject({ state: 'failed', title: 'Opening the model' });
  });

  it('is read once: dismissed it stays failed', async () => {
    const { studio } = studioWith({ open: () => Promise.reject(noTokenizer()) });
    await openFiles(studio, [picked('a.gguf')]);
    dismiss(studio);
    expect(studio.store.getState().job).toMatchObject({ state: 'failed', is_dismissed: true });
  });
});

describe('mending by one press', () => {
  it('opens again what lacked a file, with the file in its folder', async () => {
    const { studio, engine } = studioWith({
      open: ({ source }) => {
        if (source.kind === 'files' && source.files.some(({ path }) => path === 'm/tokenizer.json')) return MODEL;
        throw noTokenizer();
      },
    });
    await openFiles(studio, [picked('m/config.json'), picked('m/model.safetensors')]);
    expect(studio.store.getState().results.model).toBeNull();
    await addFiles(studio, [picked('tokenizer.json')]);
    expect(studio.store.getState().results.model).not.toBeNull();
    const opens = engine.commands.filter(({ kind }) => kind === 'open');
    const [, second] = opens.map(({ request }) => request as { source: { files: { path: string }[] } });
    expect(paths(second.source.files)).toEqual(['m/config.json', 'm/model.safetensors', 'm/tokenizer.json']);
  });

  it('puts a file in the place of one of the same name', () => {
    expect(paths(joinedFiles([picked('a.safetensors'), picked('config.json')], [picked('x/config.json')]))).toEqual([
      'a.safetensors',
      'config.json',
    ]);
  });

  it('calibrates on what was no model', async () => {
    const { studio } = studioWith({ open: () => Promise.reject(noTokenizer()) });
    await openFiles(studio, [picked('novel.csv')]);
    calibrateOn(studio);
    const { calibration } = studio.store.getState().settings.texts;
    expect(calibration.kind === 'file' && calibration.file.name).toBe('novel.csv');
  });

  it('measures with the built-in texts in place of own ones that are too short', async () => {
    let isShort = true;
    const { studio } = studioWith({
      set_texts: ({ calibration }) => {
        isShort = calibration.kind !== 'demo';
        if (isShort) throw new WhittleError({ code: 'text_too_short', message: 'Too short.' });
        return PROTOCOL;
      },
    });
    studio.store.setState(({ settings }) => ({
      settings: { ...settings, texts: { ...settings.texts, calibration: { kind: 'text', name: 'own', text: 'a' } } },
    }));
    await openFiles(studio, [picked('a.gguf')]);
    expect(studio.store.getState().results.dense).toBeNull();
    await takeBuiltInTexts(studio);
    expect(studio.store.getState().results.dense).not.toBeNull();
  });

  it('measures with windows that the model permits in place of longer ones', async () => {
    const { studio } = studioWith({
      set_texts: ({ seqlen }) => {
        if (seqlen > 64) throw new WhittleError({ code: 'bad_option', message: 'Long.', place: { field: 'seqlen' } });
        return PROTOCOL;
      },
    });
    await openFiles(studio, [picked('a.gguf')]);
    expect(studio.store.getState().results.dense).toBeNull();
    await takeWindowsOf(studio, 64);
    expect(studio.store.getState().settings.texts.seqlen).toBe(64);
    expect(studio.store.getState().results.dense).not.toBeNull();
  });
});

it('a text too short for what is kept is made long enough by one press, and measured again', async () => {
  const { studio, engine } = studioWith();
  await openFiles(studio, [picked('a.gguf')]);
  const { texts } = studio.store.getState().settings;
  changeSettings(studio.store, { texts: { ...texts, samples: 1, seqlen: 64 } });
  await takeEnoughWindows(studio, 200);
  expect(studio.store.getState().settings.texts).toMatchObject({ samples: 7, seqlen: 64 });
  expect(missingTokens(studio.store.getState().settings.texts, 200)).toBeUndefined();
  expect(engine.kinds().filter((kind) => kind === 'set_texts')).toHaveLength(2);
  for (const seqlen of [2, 32, 255, 256]) {
    for (const kept of [1, 255, 256, 4096])
      expect(missingTokens({ seqlen, samples: windowsToTake({ seqlen, samples: 1 }, kept) }, kept)).toBeUndefined();
  }
});

it('windows that were chosen since and are enough are measured with as they are', async () => {
  const { studio } = studioWith();
  await openFiles(studio, [picked('a.gguf')]);
  const { texts } = studio.store.getState().settings;
  changeSettings(studio.store, { texts: { ...texts, samples: 64, seqlen: 32 } });
  await takeEnoughWindows(studio, 200);
  expect(studio.store.getState().settings.texts).toMatchObject({ samples: 64, seqlen: 32 });
});
