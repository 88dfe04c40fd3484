import { expect, it } from 'vitest';
import { NO_EDITS } from '../store/site_dimensions.ts';
import { createStudioStore } from '../store/store.ts';
import { dataOf, filesOf, restoredState } from './data.ts';

const METRICS = { lines: [], recipes: {} };

it('a session keeps dimensions by site; one that was kept before there were any has none', () => {
  const store = createStudioStore();
  const edits = { fingerprint: 'f1', at: '25/8', own: { 2: 64 }, locked: [2], multiple: 8 };
  store.setState({ edits });
  const kept = structuredClone(dataOf(store.getState(), METRICS));
  const other = createStudioStore().getState();
  const files = filesOf(other);
  expect(restoredState(other, kept, files).edits).toEqual(edits);
  const { edits: _, ...older } = kept;
  expect(restoredState(store.getState(), older, files).edits).toEqual(NO_EDITS);
});
