import { expect, it } from 'vitest';
import { memoryPlatform } from '../../../test/support/memory_platform.ts';
import { source, started } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';

const steps = (text: string) => parseRecipe(text).steps;

it('foretells measuring and calibrating from a part of it, and leaves nothing behind', async () => {
  const engine = await started(memoryPlatform());
  const before = await engine.run('memory', {});
  const { evaluation_s, calibration_s } = await engine.run('measure_time', {});
  for (const seconds of [evaluation_s, calibration_s]) {
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(60);
  }
  const after = await engine.run('memory', {});
  expect(after.current_gpu_bytes).toBe(before.current_gpu_bytes);
});

it('foretells recipes of several passes, modifiers and trainings among them', async () => {
  const engine = await started(memoryPlatform());
  const before = await engine.run('memory', {});
  for (const text of [
    'rtn:bits=4,group=16',
    'embed:bits=8; correct:ridge=1; gptq:bits=4,group=16',
    'slicegpt:sparsity=0.25',
    'magnitude:sparsity=0.5; heal:steps=8,rank=2',
  ]) {
    const seconds = await engine.run('recipe_time', { steps: steps(text) });
    expect(seconds, text).toBeGreaterThan(0);
    expect(seconds, text).toBeLessThan(120);
  }
  expect((await engine.run('memory', {})).current_gpu_bytes).toBe(before.current_gpu_bytes);
  // What it made is no run.
  await expect(engine.run('evaluate', { target: 'run-1' })).rejects.toMatchObject({ code: 'bad_option' });
});

it('tells nothing of what one layer does not permit', async () => {
  const engine = await started(memoryPlatform(), source({ num_hidden_layers: 3 }));
  expect(await engine.run('recipe_time', { steps: steps('depth:drop=2') })).toBeNull();
});

it('heeds a cancel', async () => {
  const engine = await started(memoryPlatform());
  for (const trial of [
    (signal: AbortSignal) => engine.run('measure_time', {}, undefined, signal),
    (signal: AbortSignal) => engine.run('recipe_time', { steps: steps('gptq:bits=4,group=16') }, undefined, signal),
  ]) {
    const controller = new AbortController();
    const done = trial(controller.signal);
    await Promise.resolve();
    controller.abort();
    await expect(done).rejects.toThrow();
  }
});
