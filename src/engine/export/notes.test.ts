/** A plan says of a format what an export of the same recipe then says. */
import { describe, expect, it } from 'vitest';
import { started } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import { toErrorData } from '../../errors/errors.ts';
import type { ExportFormat } from './options.ts';

const FORMATS: readonly ExportFormat[] = ['safetensors', 'compressed-tensors', 'gptq', 'gguf'];

describe('what a format makes of a model', () => {
  it.each([
    ['rtn:bits=4,group=16', FORMATS],
    ['rtn:bits=4,group=32,grid=minimum; embed:bits=8', FORMATS],
    ['w8a8', ['safetensors', 'gguf']],
    ['magnitude:pattern=2:4', FORMATS],
    ['slicegpt:sparsity=0.25,round=2; rtn:bits=8,group=row', FORMATS],
  ] as readonly (readonly [string, readonly ExportFormat[]])[])(
    'is planned as it is told: %s',
    async (recipe, formats) => {
      const engine = await started();
      const { steps } = parseRecipe(recipe);
      const plan = await engine.run('plan', { steps, formats });
      expect(plan.files.map(({ format }) => format)).toEqual(formats);
      expect(plan.files.some(({ refusal, notes }) => refusal !== undefined || notes.length > 0)).toBe(true);
      const run = await engine.run('compress', { steps });
      for (const { format, refusal, notes } of plan.files) {
        const made = await engine
          .run('export', { id: run.id, options: { format } })
          .then((report) => ({ notes: report.notes, refusal: undefined }))
          .catch((thrown) => ({ notes: [], refusal: toErrorData(thrown).message }));
        expect(made, format).toEqual({ notes, refusal });
      }
    },
  );

  it('says where only the text tells what the format will hold', async () => {
    const engine = await started();
    const { steps } = parseRecipe('width:keep=0.7,score=flap,budget=global');
    const { files } = await engine.run('plan', { steps, formats: ['transformers.js', 'safetensors'] });
    expect(files.map(({ notes }) => notes.join().includes('may then be refused'))).toEqual([true, false]);
  });
});
