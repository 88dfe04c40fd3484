import { describe, expect, it, vi } from 'vitest';
import { stepsOf } from '../../compress/recipe/recipe.ts';
import { MODEL, studioWith, untilCancelled } from '../testing.ts';
import { answer } from './ask.ts';
import { arePrompts, examplePlaces } from './example_steps.ts';
import { cancelJob } from './job.ts';
import { openFiles, openModel } from './open_model.ts';

const PROMPTS = '\n{"prompt": "2 + 2 =", "completion": " 4"}\n';
const TASK = '{"goal": "boil an egg", "sol1": "water", "sol2": "sand", "label": 0}\n';
const picked = (name: string, text = PROMPTS) => ({ path: name, file: new File([text], name) });

/** A model is open, and a recipe stands there. */
async function withRecipe(recipe: string, script: Parameters<typeof studioWith>[0] = {}) {
  const known: string[] = [];
  const { studio, engine } = studioWith({
    open: () => MODEL,
    set_examples: async ({ files, add }) => {
      if (!add) known.length = 0;
      known.push(...files.map(({ name }) => name));
      return known.map((name) => ({ name, pairs: 1, has_completions: true, rationales: 0, sha256: '1' }));
    },
    ...script,
  });
  await openModel(studio, { kind: 'demo' });
  studio.store.setState({ recipe });
  const state = () => studio.store.getState();
  const drop = (...files: ReturnType<typeof picked>[]) => openFiles(studio, files);
  const labels = () => state().question?.answers.map(({ label }) => label);
  return { studio, engine, state, drop, labels, known };
}

describe('places for files of examples', () => {
  it('are the options of steps that take a file; one that is needed and not there is wanted', () => {
    const inputs = stepsOf('rtn:bits=4; rft:data=a.jsonl; distil; rft:data=b.jsonl; rft; heal');
    expect(examplePlaces(inputs, ['a.jsonl']).map(({ step, named, wants }) => [step, named, wants])).toEqual([
      [1, 'a.jsonl', false],
      [2, undefined, true],
      [3, 'b.jsonl', true],
      [4, undefined, false],
    ]);
  });

  it('are none for methods that there are not, and want nothing where an option is wrong', () => {
    expect(examplePlaces([{ method: 'nonsense' }], [])).toEqual([]);
    expect(examplePlaces(stepsOf('distil:steps=-3'), [])).toMatchObject([{ wants: false }]);
  });

  it('get files whose first line is a prompt', async () => {
    const is = (text: string) => arePrompts(new File([text], 'a.jsonl'));
    expect(await Promise.all([is(PROMPTS), is('{"instruction": "Say hi", "output": "hi"}')])).toEqual([true, true]);
    expect(await Promise.all([is(TASK), is('{"text": "prose"}'), is('prose'), is(''), is('[1]'), is('null')])).toEqual(
      Array(6).fill(false),
    );
  });
});

describe('a dropped file of examples', () => {
  it('goes to the one step that wants it, without a question', async () => {
    const { state, drop } = await withRecipe('rtn:bits=8; rft:steps=2');
    await drop(picked('lessons.jsonl'));
    expect(state().question).toBeNull();
    expect(state().recipe).toBe('rtn:bits=8; rft:steps=2,data=lessons.jsonl');
    expect(state().results.examples).toMatchObject([{ name: 'lessons.jsonl' }]);
  });

  it('goes to the step that cannot do without one before those that can', async () => {
    const { state, drop } = await withRecipe('rft; distil:form=cot');
    await drop(picked('lessons.jsonl'));
    expect(state().question).toBeNull();
    expect(state().recipe).toBe('rft; distil:form=cot,data=lessons.jsonl');
  });

  it('goes where it is named already, whatever its lines are', async () => {
    const { state, drop } = await withRecipe('rft:data=lessons.jsonl; rft');
    await drop(picked('lessons.jsonl', TASK));
    expect(state().question).toBeNull();
    expect(state().recipe).toBe('rft:data=lessons.jsonl; rft');
    expect(state().results.examples).toMatchObject([{ name: 'lessons.jsonl' }]);
  });

  it('is asked about where several steps want one', async () => {
    const { studio, state, drop, labels } = await withRecipe('rft; rtn:bits=8; rft:steps=2');
    const dropping = drop(picked('b.jsonl'));
    await vi.waitFor(() => expect(labels()).toEqual(['Step 1, rft', 'Step 3, rft']));
    answer(studio, '1');
    await dropping;
    expect(state().recipe).toBe('rft; rtn:bits=8; rft:steps=2,data=b.jsonl');
  });

  it('is asked about where no step wants one, then told which file it takes the place of', async () => {
    const { studio, state, drop, labels } = await withRecipe('rft');
    await drop(picked('a.jsonl'));
    const dropping = drop(picked('b.jsonl'));
    await vi.waitFor(() => expect(labels()).toContain('Train on them'));
    answer(studio, 'examples');
    await vi.waitFor(() => expect(labels()).toEqual(['Step 1, rft, in place of a.jsonl']));
    answer(studio, null);
    await dropping;
    expect(state().recipe).toBe('rft:data=a.jsonl');
    expect(state().results.examples.map(({ name }) => name)).toEqual(['a.jsonl', 'b.jsonl']);
  });

  it('of tasks is asked about as ever, though a step wants examples', async () => {
    const { studio, state, drop, labels, known } = await withRecipe('distil');
    const dropping = drop(picked('piqa.jsonl', TASK));
    await vi.waitFor(() => expect(labels()).toContain('Score as a task'));
    answer(studio, null);
    await dropping;
    expect(state().recipe).toBe('distil');
    expect(known).toEqual([]);
  });

  it('is not lost without a word while a job runs', async () => {
    const { studio, state, drop, known } = await withRecipe('rft', {
      diff: (_, __, signal) => untilCancelled(signal),
    });
    const { runJob } = await import('./job.ts');
    const running = runJob(studio, 'diff', 'Comparing', [{ command: 'diff', label: 'Comparing' }], async (job) => {
      await job.run('diff', { a: 'dense', b: { kind: 'demo' } });
    });
    const dropping = drop(picked('a.jsonl'));
    await vi.waitFor(() => expect(state().question?.title).toBe('a.jsonl cannot be taken now'));
    answer(studio, null);
    await dropping;
    cancelJob(studio);
    await running;
    expect(known).toEqual([]);
  });
});
