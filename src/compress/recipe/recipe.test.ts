import { describe, expect, it } from 'vitest';
import { WhittleError } from '../../errors/errors.ts';
import { fieldsOf } from '../options/fields.ts';
import { METHODS } from '../registry.ts';
import { recipeSchema } from './json_schema.ts';
import { passesOf } from './passes.ts';
import { PRESETS } from './presets.ts';
import { parseRecipe } from './recipe.ts';

function refusal(text: string): WhittleError {
  try {
    parseRecipe(text);
  } catch (thrown) {
    if (thrown instanceof WhittleError) return thrown;
    throw thrown;
  }
  throw new Error(`"${text}" was accepted`);
}

describe('a recipe', () => {
  it('is steps in order with their options complete, whatever its spelling', () => {
    const written = parseRecipe('embed:bits=8; correct:ridge=1; gptq:bits=4,group=32');
    expect(written.text).toBe('embed:bits=8; correct:ridge=1; gptq:bits=4,group=32');
    expect(written.steps.map(({ method }) => method)).toEqual(['embed', 'correct', 'gptq']);
    expect(written.steps[0].options).toEqual({ bits: 8, group: 'auto', grid: 'source' });
    expect(written.steps[1].options).toEqual({ ridge: 1 });
    expect(parseRecipe(' embed : bits = 8 ;correct:ridge=1;\n gptq:bits=4 , group=32; ')).toEqual(written);
    const json = {
      steps: [
        { method: 'embed', options: { bits: 8 } },
        { method: 'correct', options: { ridge: 1 } },
      ],
    };
    json.steps.push({ method: 'gptq', options: { bits: 4, group: 32 } as never });
    expect(parseRecipe(JSON.stringify(json))).toEqual(written);
    expect(parseRecipe(JSON.stringify(json.steps))).toEqual(written);
  });

  it('takes a value with a colon: the first one of a step ends its name', () => {
    expect(parseRecipe('wanda:pattern=2:4').steps[0].options).toMatchObject({ pattern: '2:4' });
    expect(parseRecipe('rtn:group=row').steps[0].options).toMatchObject({ group: 'row' });
  });

  it('comes back from its own text', () => {
    for (const text of ['rtn', 'correct:ridge=auto; wanda:sparsity=0.5', 'slicegpt:sparsity=0.25,head=tied']) {
      const recipe = parseRecipe(text);
      expect(recipe.text).toBe(text);
      expect(parseRecipe(recipe.text)).toEqual(recipe);
    }
  });

  it.each([
    ['', 'no steps', 'one or several steps'],
    ['rtn;;embed', 'Step 2 of the recipe is empty', 'method:option=value'],
    ['gtpq', 'the method "gtpq", which there is not', 'gptq'],
    ['rtn:bit=4', 'no option "bit"', 'bits: 2, 3, 4 or 8 (default 4)'],
    ['rtn:bits=5', 'bits = "5"', '2, 3, 4 or 8 (default 4)'],
    ['embed; rtn:group=7', 'Step 2, "rtn", has group = 7', 'a whole number from 8 to 65536, or row (default 32)'],
    ['rtn:group=many', 'group = "many"', 'or row'],
    ['wanda:sparsity=', 'sparsity = ""', 'a number from 0'],
    ['rtn:bits', '"bits", which is no option=value', 'bits: 2, 3'],
    ['rtn:bits=4,bits=3', 'gives bits twice', 'once'],
    ['correct:ridge=-1; rtn', 'ridge = -1', 'a number from 0 to 1000, or auto (default auto)'],
    ['correct', 'is the last step', 'right before one of'],
    ['correct; embed', 'stands before embed', 'right before one of'],
    ['slicegpt; correct; rtn', 'stands behind slicegpt', 'correct before slicegpt'],
    ['recover', 'is the first step', 'right behind one of slicegpt'],
    ['rtn; recover', 'stands behind rtn', 'right behind one of slicegpt'],
    ['[1]', 'not of the form', '"steps"'],
    ['{"steps": [{"method": "rtn", "option": {}}]}', 'not of the form', '"steps"'],
    ['{"steps": [', 'is no JSON', '"steps"'],
    ['[{"method": "gptq", "bits": 4}]', 'Step 1 has "bits" beside "method" and "options"', '"steps"'],
    ['[{"method": "gptq"}, {"options": {}}]', 'Step 2 names no method', '"steps"'],
    ['[{"method": 4}]', 'a method that is no text', '"steps"'],
    ['[{"method": "gptq", "options": [4]}]', 'Step 1 has options that are no object', '"steps"'],
    ['["gptq"]', 'Step 1 is no object', '"steps"'],
  ])('tells what is wrong with "%s"', (text, message, allowed) => {
    const error = refusal(text);
    expect(error.code).toBe('bad_option');
    expect(error.message).toContain(message);
    expect(error.allowed).toContain(allowed);
  });

  it('guesses what was meant', () => {
    expect(refusal('slicgpt').action).toContain('slicegpt');
    expect(refusal('rtn:bit=4').action).toContain('bits');
  });

  it('runs a modifier within the pass of the next step', () => {
    const passes = passesOf(parseRecipe('embed; correct:ridge=1; rtn').steps);
    expect(passes.map(({ step, before }) => [step.method, before.map(({ method }) => method)])).toEqual([
      ['embed', []],
      ['rtn', ['correct']],
    ]);
  });
});

describe('the registry', () => {
  it('has a label and a help text for every method and option, and defaults that are allowed', () => {
    expect(new Set(METHODS.map(({ name }) => name)).size).toBe(METHODS.length);
    for (const { name, about, options, role, run } of METHODS) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(about.label.length, name).toBeGreaterThan(0);
      expect(about.help, name).toMatch(/\.$/);
      expect(run === undefined, name).toBe(role === 'modifier' || role === 'follower');
      for (const field of fieldsOf(options)) {
        expect(field.meta.label, `${name}:${field.name}`).not.toBe('');
        expect(field.meta.help, `${name}:${field.name}`).toMatch(/\.$/);
      }
    }
  });

  /** After a change of methods: `npx vitest run src/compress/recipe -u`. */
  it('has presets that are recipes in their own spelling', () => {
    for (const { label, recipe, help } of PRESETS) {
      expect(parseRecipe(recipe).text, label).toBe(recipe);
      expect(help, label).toMatch(/\.$/);
    }
  });

  it('is published as a JSON schema', async () => {
    await expect(`${JSON.stringify(recipeSchema(), null, 2)}\n`).toMatchFileSnapshot(
      '../../../public/recipe.schema.json',
    );
  });
});
