import { describe, expect, it } from 'vitest';
import { linkDifferences, readLink, writeLink } from './link.ts';
import { createStudioStore } from './store.ts';

const fresh = () => {
  const { settings, recipe, front } = createStudioStore().getState();
  return { settings, recipe, front };
};

describe('settings in an address', () => {
  it('are only what differs from the defaults', () => {
    expect(writeLink(fresh())).toBe('');
  });

  it('come back as they were, whatever they are', () => {
    const { settings, front } = fresh();
    const state = {
      settings: {
        ...settings,
        ...({ sparsity_percent: 12.5, round: 16, schedule: 'rotate-once', fusion: 'official', head: 'tied' } as const),
        texts: { ...settings.texts, samples: 3, eval_samples: 5, seqlen: 64, bos: 'each' as const },
        export: { ...settings.export, sliced: { format: 'gguf' as const, precision: 'stored' as const } },
      },
      recipe: 'embed:bits=8; correct; wanda:pattern=2:4 # & + ü',
      front: { ...front, x: 'decode' as const, y: 'kl' as const, target: 2_800_000 },
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
