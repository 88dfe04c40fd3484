import { describe, expect, it } from 'vitest';
import { NO_RESULTS } from '../store/results.ts';
import { MODEL, studioWith } from '../testing.ts';
import { takeImatrix } from './imatrix.ts';
import { openFiles } from './open_model.ts';

const REPORT = { name: 'imatrix.gguf', datasets: ['prose'], tokens: 4096 };
const picked = (name: string) => {
  const file = new File(['GGUF'], name);
  return { path: name, file };
};

describe('an importance matrix', () => {
  it('that is dropped beside an open model is taken, and is no other model', async () => {
    const { studio, engine } = studioWith({ set_imatrix: () => Promise.resolve(REPORT) });
    studio.store.setState({ results: { ...NO_RESULTS, model: MODEL } });
    await openFiles(studio, [picked('my-imatrix.gguf')]);
    expect(engine.commands.map(({ kind }) => kind)).toEqual(['set_imatrix']);
    expect(studio.store.getState().results).toMatchObject({ model: MODEL, imatrix: REPORT });
  });

  it('gives way to the text’s own again, and says why it was refused', async () => {
    const refuse = { code: 'bad_option', message: 'of another model' };
    const { studio } = studioWith({
      set_imatrix: (request) =>
        (request as { file: File | null }).file ? Promise.reject(refuse) : Promise.resolve(null),
    });
    studio.store.setState({ results: { ...NO_RESULTS, model: MODEL, imatrix: REPORT } });
    await takeImatrix(studio, picked('imatrix.gguf').file);
    expect(studio.store.getState()).toMatchObject({ job: { state: 'failed' }, results: { imatrix: REPORT } });
    await takeImatrix(studio, null);
    expect(studio.store.getState().results.imatrix).toBeNull();
  });
});
