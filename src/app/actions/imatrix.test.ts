import { describe, expect, it, vi } from 'vitest';
import { NO_RESULTS } from '../store/results.ts';
import { MODEL, studioWith } from '../testing.ts';
import { answer } from './ask.ts';
import { takeImatrix } from './imatrix.ts';
import { runJob } from './job.ts';
import { openFiles } from './open_model.ts';

const REPORT = { name: 'imatrix.gguf', datasets: ['prose'], tokens: 4096, sha256: '1' };
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

  it('that comes while a job runs waits for its end when the person says so, and is left otherwise', async () => {
    const { studio, engine } = studioWith({ set_imatrix: () => Promise.resolve(REPORT) });
    const run = async (value: string | null, then: () => void = () => {}) => {
      let finish = () => {};
      studio.store.setState({ results: { ...NO_RESULTS, model: MODEL } });
      const job = runJob(studio, 'slice', 'Slicing', [], () => new Promise((resolve) => (finish = resolve)));
      const taken = openFiles(studio, [picked('imatrix.gguf')]);
      await vi.waitFor(() => expect(studio.store.getState().question?.title).toBe('imatrix.gguf has to wait'));
      expect(engine.commands).toEqual([]);
      answer(studio, value);
      then();
      finish();
      await Promise.all([job, taken]);
      return engine.commands.splice(0).map(({ kind }) => kind);
    };
    expect(await run(null)).toEqual([]);
    expect(await run('wait')).toEqual(['set_imatrix']);
    const another = () => studio.store.setState({ results: { ...NO_RESULTS, model: { ...MODEL } } });
    expect(await run('wait', another)).toEqual([]);
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
