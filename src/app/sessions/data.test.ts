import { expect, it } from 'vitest';
import { startJob } from '../store/job.ts';
import { NO_EDITS } from '../store/site_dimensions.ts';
import { createStudioStore } from '../store/store.ts';
import { dataOf, filesOf, infoOf, restoredState } from './data.ts';

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

it('a session that makes way for another model was not broken off by that; one whose own model is still measured was', () => {
  const store = createStudioStore();
  const session = { id: 's1', engines: 1 };
  const opening = startJob(
    'open',
    'Opening the model',
    [
      { command: 'open', label: '' },
      { command: 'evaluate', label: '' },
    ],
    0,
  );
  const unfinished = () => infoOf(store.getState(), session).unfinished;
  store.setState({ job: opening });
  expect(unfinished()).toBeNull();
  store.setState({ job: { ...opening, index: 1 } });
  expect(unfinished()).toMatchObject({ title: 'Opening the model' });
  store.setState({ job: startJob('download', 'Downloading another', [], 0) });
  expect(unfinished()).toBeNull();
  store.setState({ job: startJob('slice', 'Slicing 25 %', [], 0) });
  expect(unfinished()).toMatchObject({ title: 'Slicing 25 %' });
});
