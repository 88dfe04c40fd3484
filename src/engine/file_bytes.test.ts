/** What a recipe's file will take: exactly what the export's model holds, in every precision. */
import { expect, it } from 'vitest';
import { family, familyFiles } from '../../test/fixtures/families/family_model.ts';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { source, started } from '../../test/support/test_engine.ts';
import { parseRecipe } from '../compress/recipe/recipe.ts';
import { type Precision, quantizedModel } from '../export/precision.ts';
import { modelBytes } from '../models/model_size.ts';
import { openModel } from '../models/open_model.ts';
import { fileBytes } from './file_bytes.ts';

const PRECISIONS: readonly Precision[] = ['stored', 'f32', 'f16', 'int8', 'int4'];

it.each(['llama', 'opt', 'gemma2'])('of %s as it is: tables, positions, biases, norms', async (name) => {
  const { model } = await openModel(await familyFiles(await family(name)));
  const planned = fileBytes(model);
  for (const precision of PRECISIONS) {
    expect(planned[precision], precision).toBe(modelBytes(await quantizedModel(model, precision)));
  }
});

it('of recipes: packed weights stay packed, the others follow the precision, planned as made', async () => {
  const model = source({ hidden_size: 64, intermediate_size: 160, vocab_size: 300, dtype: 'F16' });
  const engine = await started(memoryPlatform(), model);
  const { steps } = parseRecipe('rtn:bits=4,group=32');
  const { file_bytes } = await engine.run('plan', { steps });
  const run = await engine.run('compress', { steps });
  expect(run.file_bytes).toEqual(file_bytes);
  expect(file_bytes.stored).toBe(run.stored_bytes);
  // The table alone follows the precision.
  const { stored, f32, f16, int8, int4 } = file_bytes;
  const table = 300 * 64;
  expect(f32 - f16).toBeGreaterThanOrEqual(2 * table);
  expect(f16).toBeGreaterThanOrEqual(stored);
  expect(int8).toBeLessThan(f16);
  expect(int4).toBeLessThanOrEqual(int8);
});
