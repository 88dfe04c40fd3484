import { describe, expect, it } from 'vitest';
import { linkDifferences, readLink, writeLink } from './link.ts';
import { builtInSource } from './settings.ts';
import { createStudioStore } from './store.ts';

const fresh = () => {
  const { settings, recipe, front, edits } = createStudioStore().getState();
  return { settings, recipe, front, edits };
};

describe('settings in an address', () => {
  it('are only what differs from the defaults', () => {
    expect(writeLink(fresh())).toBe('');
  });

  it('come back as they were, whatever they are', () => {
    const { settings, front } = fresh();
    const at = '12.5/16';
    const state = {
      settings: {
        ...settings,
        ...({ sparsity_percent: 12.5, round: 16, schedule: 'rotate-once', fusion: 'official', head: 'tied' } as const),
        texts: {
          ...settings.texts,
          ...{ calibration: builtInSource('code'), evaluation: builtInSource('chat') },
          ...{ samples: 3, eval_samples: 5, seqlen: 64, bos: 'each' as const },
        },
        export: { ...settings.export, sliced: { format: 'gguf' as const, precision: 'stored' as const } },
      },
      recipe: 'embed:bits=8; correct; wanda:pattern=2:4 # & + ü',
      front: { ...front, x: 'decode' as const, y: 'kl' as const, target: 2_800_000 },
      edits: { fingerprint: 'f1a2', at, own: { 3: 104, 7: 96 }, locked: [7], multiple: 4 },
    };
    const read = readLink(`#${writeLink(state)}`, fresh());
    expect(read).toEqual({ state, isAny: true, unread: [] });
  });

  it('are told where they differ from those at hand, field by field', () => {
    const { settings, ...rest } = fresh();
    const here = { ...rest, settings: { ...settings, sparsity_percent: 30, round: 16 } };
    expect(linkDifferences('#sparsity=30&round=4&up=kl&nonsense=1', here)).toEqual([
      'round: 4 in the address, 16 here.',
      'up: kl in the address, the default here.',
    ]);
    expect(linkDifferences('#sparsity=25', here)).toEqual(['sparsity: the default in the address, 30 here.']);
  });

  it('leave out dimensions that hold at another place of the slider, but for locked ones', () => {
    const here = fresh();
    const edits = { fingerprint: 'f1', at: '40/8', own: { 3: 104, 7: 96 }, locked: [7], multiple: 8 };
    const { state } = readLink(writeLink({ ...here, edits }), fresh());
    expect(state.edits).toEqual({ ...edits, at: '25/8', own: { 7: 96 } });
    expect(writeLink({ ...here, edits: { ...edits, locked: [] } })).toBe('');
  });

  it('have no dimensions that nobody wrote', () => {
    for (const text of [
      'f1',
      'f1_25_8_8_',
      'f1_25_8_8_3',
      'f1_25_8_8_3-0',
      'f1_25_8_0_3-8',
      'f1_25_8_8_3-8y',
      'a/b_25_8_8_3-8',
    ]) {
      expect(readLink(`sites=${encodeURIComponent(text)}`, fresh()).unread, text).toHaveLength(1);
    }
  });

  it('that are not allowed, or not known, are told and left', () => {
    const hash = 'round=1.5&length=0&sparsity=NaN&head=none&along=&size=-3&__proto__=1&toString=2&evaluation=2';
    const { state, unread } = readLink(hash, fresh());
    expect(unread).toHaveLength(8);
    expect(unread[0]).toBe('round=1.5: allowed is a whole number from 1 to 65536.');
    expect(unread).toContain('toString=2: no such setting.');
    const { settings, ...rest } = fresh();
    expect(state).toEqual({ ...rest, settings: { ...settings, texts: { ...settings.texts, eval_samples: 2 } } });
  });
});
