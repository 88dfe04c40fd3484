import { expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { linearOf } from '../layerwise/half.ts';
import { passesOf } from '../recipe/passes.ts';
import { parseRecipe } from '../recipe/recipe.ts';

it.each([
  ['owq:bits=8,group=row', 'integer'],
  ['owq:bits=4,group=8', 'integer'],
  ['owq:bits=4,group=8,grid=minimum', 'minimum'],
])('%s: beside kept columns integers have a zero point and float16 scales', (recipe, zero) => {
  const [{ method, step }] = passesOf(parseRecipe(recipe).steps);
  const planned = method.plan(tinyDecoder(), step.options as never);
  expect(linearOf(planned.layers[0], 'q_proj').weight.packed).toMatchObject({
    kind: 'columns',
    rest: { zero, scale: 'F16' },
  });
});
