import { describe, expect, it } from 'vitest';
import { NO_RESULTS } from '../store/results.ts';
import { MODEL, studioWith } from '../testing.ts';
import { openFiles } from './open_model.ts';
import { scoreTasks, takeTasks } from './tasks.ts';

const TASKS = [{ task: 'mine', form: 'piqa', examples: 5 }];
const SCORES = [{ task: 'mine', form: 'piqa', examples: 5, acc: { value: 0.6, error: 0.2 } }];
const file = new File(['{}'], 'mine.jsonl');

describe('multiple-choice tasks in the studio', () => {
  it('that are dropped beside an open model are taken once it is said what they are', async () => {
    const { studio, engine } = studioWith({ set_tasks: () => Promise.resolve(TASKS) });
    studio.store.setState({ results: { ...NO_RESULTS, model: MODEL } });
    const opened = openFiles(studio, [{ path: 'mine.jsonl', file }]);
    await expect.poll(() => studio.store.getState().question?.title).toMatch(/mine\.jsonl/);
    studio.answer?.('tasks');
    await opened;
    expect(engine.commands.map(({ kind }) => kind)).toEqual(['set_tasks']);
    expect(studio.store.getState().results).toMatchObject({ model: MODEL, tasks: TASKS });
  });

  it('keep each model’s scores until there are other tasks', async () => {
    const { studio } = studioWith({
      set_tasks: () => Promise.resolve(TASKS),
      score: () => Promise.resolve({ target: 'any', tasks: SCORES }),
    });
    await takeTasks(studio, [file]);
    await scoreTasks(studio, 'dense');
    await scoreTasks(studio, 'run-1');
    expect(studio.store.getState().results.scores).toEqual({ dense: SCORES, 'run-1': SCORES });
    await takeTasks(studio, [file]);
    expect(studio.store.getState().results.scores).toEqual({});
  });
});
