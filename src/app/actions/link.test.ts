import { expect, it, vi } from 'vitest';
import { changeSettings } from '../store/store.ts';
import { studioWith } from '../testing.ts';
import { answer } from './ask.ts';
import { followLink, offerLinked } from './link.ts';

/** A page that an address opened, and a session that came back over it with 25 % and its own rounding. */
async function overruled() {
  const { studio } = studioWith();
  await followLink(studio, '#sparsity=30&round=4');
  changeSettings(studio.store, { sparsity_percent: 25, round: 16 });
  return { studio, state: () => studio.store.getState() };
}

it('a session that came back keeps its settings until the address’s are taken, field by field told', async () => {
  const { studio, state } = await overruled();
  const asked = offerLinked(studio);
  expect(state().question?.lines).toEqual([
    'sparsity: 30 in the address, the default here.',
    'round: 4 in the address, 16 here.',
  ]);
  expect(state().settings).toMatchObject({ sparsity_percent: 25, round: 16 });
  answer(studio, 'take');
  await asked;
  expect(state().settings).toMatchObject({ sparsity_percent: 30, round: 4 });
});

it('whose settings are kept, the address is not asked about again', async () => {
  const { studio, state } = await overruled();
  const replaceState = vi.fn();
  vi.stubGlobal('history', { replaceState });
  vi.stubGlobal('location', { pathname: '/studio/', search: '?x=1' });
  const asked = offerLinked(studio);
  answer(studio, null);
  await asked;
  vi.unstubAllGlobals();
  expect(state().settings).toMatchObject({ sparsity_percent: 25, round: 16 });
  expect(replaceState).toHaveBeenCalledWith(null, '', '/studio/?x=1');
  await offerLinked(studio);
  expect(state().question).toBeNull();
});

it('an address that agrees, or none, asks nothing', async () => {
  const { studio } = studioWith();
  await offerLinked(studio);
  await followLink(studio, '#sparsity=30');
  await offerLinked(studio);
  expect(studio.store.getState().question).toBeNull();
});
