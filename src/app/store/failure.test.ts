import { describe, expect, it } from 'vitest';
import type { ErrorData } from '../../errors/errors.ts';
import { type FailedJob, placeOfFailure } from './failure.ts';
import { type Fix, fixesOf } from './fixes.ts';

const NOTHING = { files: null, hasOtherTexts: false };
const named = (...names: string[]) => names.map((name) => ({ name }));

function failed(kind: FailedJob['kind'], error: Partial<ErrorData>, command?: FailedJob['command']): FailedJob {
  const whole = { code: 'internal', message: '', place: {}, ...error } as ErrorData;
  return { state: 'failed', kind, title: '', error: whole, command };
}

const kinds = (fixes: readonly Fix[]) => fixes.map(({ kind }) => kind);

describe('where a failure stands', () => {
  it('in the panel that began the job; in Calibration once the model itself was opened', () => {
    expect(placeOfFailure({ kind: 'open', command: 'open' })).toBe('model');
    expect(placeOfFailure({ kind: 'open', command: 'set_texts' })).toBe('texts');
    expect(placeOfFailure({ kind: 'open', command: 'evaluate' })).toBe('texts');
    expect(placeOfFailure({ kind: 'sweep' })).toBe('slice');
    expect(placeOfFailure({ kind: 'solve', command: 'evaluate' })).toBe('target');
    expect(placeOfFailure({ kind: 'recover' })).toBe('page');
  });
});

describe('what one press can do', () => {
  it('adds the file that is absent, whichever it is, and not one that is there', () => {
    const files = named('model.safetensors', 'config.json');
    for (const [code, file] of [
      ['bad_tokenizer', 'tokenizer.json'],
      ['missing_shard', 'model-00002-of-00002.safetensors'],
    ] as const) {
      const job = failed('open', { code, place: { file } }, 'open');
      expect(fixesOf(job, { ...NOTHING, files })).toEqual([{ kind: 'add_file', name: file }]);
    }
    const broken = failed('open', { code: 'bad_tokenizer', place: { file: 'tokenizer.json' } }, 'open');
    expect(fixesOf(broken, { ...NOTHING, files: [...files, ...named('tokenizer.json')] })).toEqual([]);
    // From the Hub or a session there are no files to add to.
    expect(fixesOf(broken, NOTHING)).toEqual([]);
  });

  it('takes what was no model as a text, unless it cannot be one', () => {
    const job = failed('open', { code: 'not_a_model', place: { file: 'config.json' } }, 'open');
    expect(fixesOf(job, { ...NOTHING, files: named('novel.csv') })).toEqual([
      { kind: 'calibrate_on', name: 'novel.csv' },
    ]);
    expect(kinds(fixesOf(job, { ...NOTHING, files: named('weights.bin') }))).not.toContain('calibrate_on');
    expect(kinds(fixesOf(job, { ...NOTHING, files: named('a.py', 'b.py', 'c.py') }))).toEqual([]);
  });

  it('offers the built-in prose only in place of other texts', () => {
    const job = failed('open', { code: 'text_too_short' }, 'set_texts');
    expect(kinds(fixesOf(job, { files: null, hasOtherTexts: true }))).toEqual(['built_in_texts']);
    expect(fixesOf(job, NOTHING)).toEqual([]);
    const chats = failed('measure', { code: 'bad_chat_template' }, 'set_texts');
    expect(kinds(fixesOf(chats, { files: null, hasOtherTexts: true }))).toEqual(['built_in_texts']);
  });

  it('offers windows as long as the model permits in place of longer ones', () => {
    const job = failed('open', { code: 'bad_option', place: { field: 'seqlen' } }, 'set_texts');
    expect(fixesOf(job, { ...NOTHING, mostTokens: 64 })).toEqual([{ kind: 'shorter_windows', tokens: 64 }]);
    expect(fixesOf(job, NOTHING)).toEqual([]);
    const bos = failed('open', { code: 'bad_option', place: { field: 'bos' } }, 'set_texts');
    expect(fixesOf(bos, { ...NOTHING, mostTokens: 64 })).toEqual([]);
  });

  it('tries again what passes by, and only that; a full disk is emptied first', () => {
    expect(kinds(fixesOf(failed('slice', { code: 'storage_full' }), NOTHING))).toEqual(['free_space', 'again']);
    expect(kinds(fixesOf(failed('recipe', { code: 'device_lost' }), NOTHING))).toEqual(['again']);
    expect(fixesOf(failed('recipe', { code: 'bad_option' }), NOTHING)).toEqual([]);
    expect(fixesOf(failed('slice', { code: 'bad_session' }), NOTHING)).toEqual([]);
  });
});
