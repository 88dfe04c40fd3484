import { expect, it, vi } from 'vitest';
import { openFiles, openModel } from '../actions/open_model.ts';
import { slice, sweep } from '../actions/slice.ts';
import { changeSessions } from '../store/store.ts';
import { MODEL, studioWith } from '../testing.ts';
import { takeProject } from './open_project.ts';
import { projectText } from './project_file.ts';

const DEMO = { kind: 'demo' } as const;

/** The project of a small session, as a file that was saved. */
async function savedProject(change: (text: string) => string = (text) => text): Promise<File> {
  const { studio } = studioWith();
  await openModel(studio, DEMO);
  await slice(studio);
  const text = projectText(studio.store.getState(), studio.metrics.kept(), 1) as string;
  return new File([change(text)], 'tiny.whittle.json');
}

function page() {
  const { studio, engine } = studioWith();
  studio.takeProject = (file) => takeProject(studio, file);
  return { studio, engine, state: () => studio.store.getState() };
}

const drop = (file: File) => [{ path: file.name, file }];

it('of the built-in model opens that, told by its fingerprint, with its figures and its log', async () => {
  const { studio, engine, state } = page();
  await openFiles(studio, drop(await savedProject()));
  expect(engine.kinds()).toEqual(['open', 'set_texts', 'restore']);
  expect(engine.commands[0].request).toMatchObject({ source: DEMO, fingerprint: { value: MODEL.fingerprint } });
  expect(state().results.runs).toMatchObject([{ is_lost: true, perplexity: { perplexity: 79.8 } }]);
  expect(state().sessions).toMatchObject({ reading: null, waiting: null });
  expect(studio.metrics.lines('slice-1').length).toBeGreaterThan(2);
});

it('of files shows its figures and asks for them; until they come nothing can be made', async () => {
  const { studio, engine, state } = page();
  const file = await savedProject((text) => text.replace('"source":{"kind":"built-in"}', '"source":{"kind":"files"}'));
  await openFiles(studio, drop(file));
  expect(engine.kinds()).toEqual([]);
  expect(state().results).toMatchObject({ model: { name: 'tiny' }, dense: { perplexity: 75.9 } });
  expect(state().sessions).toMatchObject({ waiting: { model: 'tiny' }, reading: { name: 'tiny' } });
  await slice(studio);
  expect(state().job).toMatchObject({
    state: 'failed',
    error: { code: 'bad_session', action: expect.stringContaining('files of tiny') },
  });
  await openFiles(studio, [{ path: 'tiny/config.json', file: new File(['{}'], 'config.json') }]);
  expect(engine.kinds()).toEqual(['open', 'set_texts', 'restore']);
  expect(state().sessions).toMatchObject({ waiting: null, reading: null });
  const sent = engine.commands.length;
  await slice(studio);
  expect(engine.kinds().slice(sent)).toEqual(['compress', 'evaluate']);
});

it('that was measured with a text of one’s own says that it is not there, and measures anew', async () => {
  const { studio, engine, state } = page();
  const own = (text: string) =>
    text.replaceAll('"calibration":{"kind":"built-in"}', '"calibration":{"kind":"own","name":"my.txt"}');
  await openFiles(studio, drop(await savedProject(own)));
  expect(state().question?.lines[0]).toContain('my.txt');
  await vi.waitFor(() => expect(engine.kinds()).toEqual(['open', 'restore', 'set_texts', 'evaluate', 'calibrate']));
  expect(state().results.runs).toHaveLength(1);
});

it('that is none fails as an opening, and leaves what is open', async () => {
  const { studio, state } = page();
  await openModel(studio, DEMO);
  await sweep(studio);
  await openFiles(studio, drop(new File(['{"format":"whittle-project","version":2}'], 'a.json')));
  expect(state().job).toMatchObject({ state: 'failed', error: { code: 'bad_project', place: { field: 'version' } } });
  expect(state().results.runs).toHaveLength(4);
});

it('asks before work goes that no session keeps', async () => {
  const { studio, state } = page();
  await openModel(studio, DEMO);
  await slice(studio);
  void openFiles(studio, drop(await savedProject()));
  await vi.waitFor(() => expect(state().question?.title).toBe('Open the project tiny in place of tiny?'));
  changeSessions(studio.store, { kept: 'yes' });
});
