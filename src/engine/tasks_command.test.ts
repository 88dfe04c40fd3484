import { describe, expect, it } from 'vitest';
import { failure, SLICE, started } from '../../test/support/test_engine.ts';
import type { EngineEvent } from './protocol.ts';
import { slicingRecipe } from './slicing_recipe.ts';

const lines = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ goal: `goal ${i}`, sol1: 'a b c', sol2: `d e ${'f '.repeat(i % 3)}`.trim(), label: i % 2 }),
  ).join('\n');
const file = (name: string, count: number) => new File([lines(count)], name);

describe('multiple-choice tasks in the engine', () => {
  it('are scored for the dense model and for runs, with progress that only grows', async () => {
    const engine = await started();
    const tasks = await engine.run('set_tasks', { files: [file('first.jsonl', 9), file('second.jsonl', 5)], limit: 6 });
    expect(tasks).toEqual([
      { task: 'first', form: 'piqa', examples: 6 },
      { task: 'second', form: 'piqa', examples: 5 },
    ]);
    const events: EngineEvent[] = [];
    const { tasks: dense } = await engine.run('score', { target: 'dense' }, (event) => events.push(event));
    expect(dense.map(({ task, examples }) => [task, examples])).toEqual([
      ['first', 6],
      ['second', 5],
    ]);
    for (const { acc, acc_norm } of dense) {
      expect(acc.value).toBeGreaterThanOrEqual(0);
      expect(acc_norm?.error).toBeGreaterThanOrEqual(0);
    }
    const fractions = events.flatMap((event) => (event.type === 'progress' ? [event.fraction] : []));
    expect(fractions.length).toBeGreaterThan(3);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    const slice = await engine.run('compress', slicingRecipe(SLICE));
    const score = async (target: string) => (await engine.run('score', { target })).tasks;
    expect(await score(slice.id)).toHaveLength(2);
    expect(await score('dense')).toEqual(dense);
  });

  it('end at once when they are cancelled, and go on after', async () => {
    const engine = await started();
    await engine.run('set_tasks', { files: [file('first.jsonl', 40)] });
    const stop = new AbortController();
    const job = engine.run(
      'score',
      { target: 'dense' },
      (event) => event.type === 'progress' && stop.abort(),
      stop.signal,
    );
    expect(await failure(job)).toMatchObject({ code: 'cancelled' });
    expect((await engine.run('score', { target: 'dense' })).tasks).toHaveLength(1);
  });

  it('stay as they were where a new file is bad, and name it', async () => {
    const engine = await started();
    await engine.run('set_tasks', { files: [file('first.jsonl', 2)] });
    const bad = new File([`${lines(2)}\n{"goal": 1}`], 'bad.jsonl');
    expect(await failure(engine.run('set_tasks', { files: [bad] }))).toMatchObject({
      code: 'bad_jsonl',
      place: { file: 'bad.jsonl', line: 3, field: 'goal' },
    });
    expect((await engine.run('score', { target: 'dense' })).tasks.map(({ task }) => task)).toEqual(['first']);
    await engine.run('set_tasks', { files: [] });
    expect((await engine.run('score', { target: 'dense' })).tasks).toEqual([]);
  });

  it('count texts that lose their beginning, and refuse one that has no room at all', async () => {
    const engine = await started();
    const long = { goal: 'a b '.repeat(400), sol1: 'a', sol2: 'b', label: 0 };
    await engine.run('set_tasks', { files: [new File([JSON.stringify(long)], 'long.jsonl')] });
    const { tasks } = await engine.run('score', { target: 'dense' });
    expect(tasks).toMatchObject([{ truncated: 2, acc: { error: null } }]);
    const endless = new File([JSON.stringify({ ...long, sol1: 'a b '.repeat(400) })], 'endless.jsonl');
    await engine.run('set_tasks', { files: [endless] });
    expect(await failure(engine.run('score', { target: 'dense' }))).toMatchObject({
      code: 'bad_jsonl',
      place: { file: 'endless.jsonl', line: 1 },
    });
  });
});
