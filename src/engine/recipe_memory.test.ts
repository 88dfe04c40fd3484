/** What an engine tells of a job's memory before it, against what its backend counts at the end of it. */
import { expect, it } from 'vitest';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { source, started } from '../../test/support/test_engine.ts';
import { parseRecipe } from '../compress/recipe/recipe.ts';
import type { Report } from './report.ts';

const model = () =>
  source({ hidden_size: 64, intermediate_size: 160, vocab_size: 300, num_hidden_layers: 2, dtype: 'F16' });
/** Told by taken: all jobs since the model was opened. */
const [LEAST, MOST] = [1, 1.3];

it('tells a recipe and its report what the job then takes', async () => {
  const platform = memoryPlatform();
  const engine = await started(platform, model());
  const { steps } = parseRecipe('embed:bits=8; gptq:bits=8,group=32');
  const plan = await engine.run('plan', { steps });
  const run = await engine.run('compress', { steps });
  await engine.run('evaluate', { target: run.id });
  const { peak_gpu_bytes } = await engine.run('memory', {});
  const ratio = (plan.memory?.device_bytes ?? 0) / peak_gpu_bytes;
  expect(ratio).toBeGreaterThanOrEqual(LEAST);
  expect(ratio).toBeLessThanOrEqual(MOST);
  const { folder } = await engine.run('export', { id: run.id, options: { format: 'safetensors' } });
  const file = platform.exports.get(folder)?.get('report.json');
  const { memory } = JSON.parse(new TextDecoder().decode(file)) as Report;
  expect(memory.estimated_gpu_bytes).toBe(plan.memory?.device_bytes);
});

it.each([
  'magnitude:sparsity=0.5; heal:rank=8,steps=2,batch=2',
  'heal:rank=8,steps=2,batch=64,norms=true',
  'tf_llmd:layers=1,rank=8,steps=2',
  'gkd:lambda=1,rank=8,steps=2,batch=2,max_tokens=4',
  'minillm:rank=8,steps=2,batch=2,max_tokens=4',
  'rtn:bits=4,group=16; heal:rank=8,steps=2,batch=2',
  'peqa:bits=4,group=16,steps=2,batch=2',
  'qlora:rank=8,steps=2,batch=2',
  'llm_qat:text=calibration,steps=2,batch=2',
])('tells a training what it then takes: %s', async (recipe) => {
  const engine = await started(memoryPlatform(), model());
  const { steps } = parseRecipe(recipe);
  const plan = await engine.run('plan', { steps });
  await engine.run('compress', { steps });
  const { peak_gpu_bytes } = await engine.run('memory', {});
  const ratio = (plan.memory?.device_bytes ?? 0) / peak_gpu_bytes;
  expect(ratio).toBeGreaterThanOrEqual(LEAST);
  expect(ratio).toBeLessThanOrEqual(MOST);
});

it('tells a target size what the search and the making of what it found take', async () => {
  const engine = await started(memoryPlatform(), model());
  const request = { target: { bytes: 60_000 }, format: 'onnx' } as const;
  const told = await engine.run('plan_solve', request);
  expect(told.smallest_bytes).toBeLessThan(60_000);
  const { candidates, smallest_bytes } = await engine.run('solve', request);
  expect(told.smallest_bytes).toBe(smallest_bytes);
  await engine.run('compress', { steps: parseRecipe(candidates[0].recipe).steps });
  const { peak_gpu_bytes } = await engine.run('memory', {});
  const ratio = (told.memory?.device_bytes ?? 0) / peak_gpu_bytes;
  expect(ratio).toBeGreaterThanOrEqual(LEAST);
  expect(ratio).toBeLessThanOrEqual(MOST);
});
