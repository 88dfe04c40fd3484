/** Files of prompts and answers: read, asked for by recipes, told when they are missing, learnt from with the loss on answers alone. */
import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { failure, source, started, TEXTS } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import type { Engine } from '../engine.ts';
import type { EngineEvent, TrainingPoint, TrainingReport } from '../protocol.ts';

const jsonl = (name: string, lines: readonly unknown[]) =>
  new File([lines.map((line) => JSON.stringify(line)).join('\n')], name);
const ANSWERS = ['under the river', 'in old houses', 'slowly'];
const lessons = Array.from({ length: 12 }, (_, i) => ({
  prompt: `the ${'stone '.repeat(i % 4)}`.trim(),
  completion: ` ${ANSWERS[i % 3]}`,
}));
const small = () => source({ hidden_size: 32, intermediate_size: 64, dtype: 'F32' });

async function engineWith(...files: File[]): Promise<Engine> {
  const engine = await started(memoryPlatform(), small());
  await engine.run('set_texts', { ...TEXTS, seqlen: 64, samples: 2, eval_samples: 1 });
  await engine.run('set_examples', { files });
  return engine;
}

async function learnt(engine: Engine, recipe: string) {
  const points: TrainingPoint[] = [];
  const onEvent = (event: EngineEvent) => event.type === 'training' && points.push(event.point);
  const run = await engine.run('compress', { steps: parseRecipe(recipe).steps }, onEvent);
  const [{ training }] = run.steps;
  if (!training) throw new Error('nothing was trained');
  return { run, training, points };
}

describe('a file that a recipe names', () => {
  const RFT = 'rft:data=there/lessons.jsonl,rank=4,steps=10,lr=0.02,batch=4,template=plain';

  it('is missing until it is given, with its name and what is there', async () => {
    const engine = await engineWith(jsonl('other.jsonl', [{ prompt: 'a', completion: 'b' }]));
    const { steps } = parseRecipe(RFT);
    const missing = {
      code: 'bad_option',
      message: 'The step "rft" learns from lessons.jsonl, and no such file was given.',
      place: { file: 'lessons.jsonl', field: 'recipe' },
      allowed: 'other.jsonl',
    };
    expect(await failure(engine.run('compress', { steps }))).toMatchObject(missing);
    const plan = await engine.run('plan', { steps });
    expect(plan).toMatchObject({ lacks: missing, refusals: [] });
    await engine.run('set_examples', { files: [jsonl('lessons.jsonl', lessons)] });
    expect((await engine.run('plan', { steps })).lacks).toBeUndefined();
  });

  it('is told by line where it lacks what a step needs', async () => {
    const engine = await engineWith(jsonl('lessons.jsonl', [{ prompt: 'a' }, { prompt: 'b' }]));
    expect(await failure(engine.run('compress', { steps: parseRecipe(RFT).steps }))).toMatchObject({
      code: 'bad_jsonl',
      place: { file: 'lessons.jsonl', line: 1, field: 'completion' },
    });
    expect(await failure(engine.run('set_examples', { files: [jsonl('x', [{}])] }))).toMatchObject({
      code: 'bad_jsonl',
    });
    const twins = [jsonl('a', [{ prompt: 'a' }]), jsonl('a', [{ prompt: 'b' }])];
    expect((await failure(engine.run('set_examples', { files: twins }))).message).toContain('are called a');
  });

  it('stands beside others where it is added, and takes the place of one of its name', async () => {
    const engine = await engineWith(jsonl('a.jsonl', lessons), jsonl('b.jsonl', lessons));
    const names = async (add: boolean, ...files: File[]) =>
      (await engine.run('set_examples', { files, add })).map(({ name, pairs }) => `${name} ${pairs}`);
    expect(await names(true, jsonl('b.jsonl', lessons.slice(1)))).toEqual(['a.jsonl 12', 'b.jsonl 11']);
    const both = parseRecipe('rft:data=a.jsonl; distil:data=b.jsonl');
    expect((await engine.run('plan', { steps: both.steps })).lacks).toBeUndefined();
    expect(await names(false, jsonl('b.jsonl', lessons))).toEqual(['b.jsonl 12']);
  });

  it('teaches answers, and is another stage where it holds other lines', async () => {
    const engine = await engineWith(jsonl('lessons.jsonl', lessons));
    const { training, points } = await learnt(engine, RFT);
    expect(points).toEqual(training.curve);
    expect(training.objective).toBe('the answers in lessons.jsonl, after their prompts');
    expect(training.windows).toMatchObject({ training: 9, held_out: 3 });
    expect(training.curve.at(-1)?.held_out_loss).toBeLessThan(0.7 * training.curve[0].held_out_loss);
    expect(training.curve[0].held_out_perplexity).toBeCloseTo(Math.exp(training.curve[0].held_out_loss), 6);
    const again = await learnt(engine, RFT);
    expect(again.points).toEqual([]);
    const [{ sha256 }] = await engine.run('set_examples', { files: [jsonl('lessons.jsonl', lessons.slice(0, 8))] });
    const fewer = await learnt(engine, RFT);
    expect(fewer.training.windows).toMatchObject({ training: 6, held_out: 2 });
    expect(fewer.run.files).toEqual({ 'lessons.jsonl': sha256 });
    expect(again.run.files).not.toEqual(fewer.run.files);
  });
});

describe('distillation from them', () => {
  const STEPS = 'rank=4,steps=10,lr=0.02,batch=4,template=plain';
  const reasons = lessons.map((each, i) => ({ ...each, rationale: ` ${ANSWERS[(i + 1) % 3]}` }));

  it.each([
    ['instruction', '', 'the answers in'],
    ['in_context', ',shots=2,soft=0.5', 'forward KL to the dense model that sees 2 examples'],
    ['cot', ',rationale=0.5', 'answers and rationales in'],
  ])('%s lowers its loss on examples that it does not train on', async (form, more, objective) => {
    const engine = await engineWith(jsonl('reasons.jsonl', reasons));
    const recipe = `magnitude:sparsity=0.5; distil:form=${form},data=reasons.jsonl,${STEPS}${more}`;
    const run = await engine.run('compress', { steps: parseRecipe(recipe).steps });
    const training = run.steps[1].training as TrainingReport;
    expect(training.objective).toContain(objective);
    expect(training.windows).toMatchObject({ training: 9, held_out: 3 });
    expect(training.curve.at(-1)?.held_out_loss).toBeLessThan(0.85 * training.curve[0].held_out_loss);
    expect(training.stored_held_out_loss).toBeCloseTo(
      training.curve.find(({ step }) => step === training.best_step)?.held_out_loss ?? 0,
      5,
    );
  });

  it.each(['instruction', 'cot'])('%s lets the dense model answer prompts, by the seed', async (form) => {
    const prompts = lessons.map(({ prompt }) => ({ prompt }));
    const engine = await engineWith(jsonl('prompts.jsonl', prompts));
    const recipe = (seed: number) =>
      `magnitude:sparsity=0.5; distil:form=${form},data=prompts.jsonl,${STEPS},max_tokens=6,seed=${seed},steps=2`.replace(
        'steps=10,',
        '',
      );
    const of = async (seed: number) => {
      const run = await engine.run('compress', { steps: parseRecipe(recipe(seed)).steps });
      await engine.run('discard', { id: run.id });
      return run.steps[1].training as TrainingReport;
    };
    const first = await of(0);
    expect(first.notes[0]).toMatch(
      /^The dense model wrote \d+ answers to 12 prompts \(temperature 0\.7, top p 1, seed 0\)/,
    );
    expect((await of(1)).curve).not.toEqual(first.curve);
  });

  it('names what is missing: the file, an answer, a rationale', async () => {
    const engine = await engineWith(jsonl('lessons.jsonl', lessons), jsonl('prompts.jsonl', [{ prompt: 'a' }]));
    const error = (recipe: string) => failure(engine.run('compress', { steps: parseRecipe(recipe).steps }));
    expect((await error('distil')).message).toBe('The step "distil" names no file to learn from.');
    expect(await error('distil:form=cot,data=lessons.jsonl')).toMatchObject({ place: { line: 1, field: 'rationale' } });
    expect(await error('distil:form=in_context,data=prompts.jsonl')).toMatchObject({ place: { field: 'completion' } });
  });
});
