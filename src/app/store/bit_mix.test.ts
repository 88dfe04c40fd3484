import { describe, expect, it } from 'vitest';
import { PRESETS } from '../../compress/recipe/presets.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import { bitStepOf, bitsOf, linearsOf, nextBits, withBits } from './bit_mix.ts';

describe('bits of single linears', () => {
  const step = bitStepOf('embed:bits=8; correct; gptq:bits=4,group=32')!;

  it('are the step’s own until they are changed', () => {
    expect(step).toMatchObject({ index: 2, method: 'gptq' });
    expect(bitsOf(step, 3, 'down_proj')).toBe(4);
  });

  it('are written into the recipe, which stays one that can be', () => {
    const text = withBits(
      step,
      [
        { layer: 3, name: 'down_proj' },
        { layer: 0, name: 'q_proj' },
      ],
      8,
    );
    expect(text).toBe('embed:bits=8; correct; gptq:bits=4,group=32,mix=0.q_proj:8/32+3.down_proj:8/32');
    expect(() => parseRecipe(text)).not.toThrow();
    const changed = bitStepOf(text)!;
    expect(bitsOf(changed, 3, 'down_proj')).toBe(8);
    expect(bitsOf(changed, 2, 'down_proj')).toBe(4);
    expect(
      withBits(
        changed,
        [
          { layer: 3, name: 'down_proj' },
          { layer: 0, name: 'q_proj' },
        ],
        null,
      ),
    ).toBe('embed:bits=8; correct; gptq:bits=4,group=32');
  });

  it('keep a group of their own', () => {
    const mixed = bitStepOf('gptq:bits=4,group=32,mix=1.up_proj:3/row')!;
    expect(withBits(mixed, [{ layer: 1, name: 'up_proj' }], 4)).toBe('gptq:bits=4,group=32,mix=1.up_proj:4/row');
  });

  it('count with the defaults that a step does not write', () => {
    expect(bitStepOf('gptq')?.own.bits).toBe(bitsOf(bitStepOf('gptq')!, 0, 'q_proj'));
  });

  it('are there for the presets of integers, and not for recipes without a mix or that cannot be read', () => {
    for (const { recipe } of PRESETS) expect(bitStepOf(recipe) !== null, recipe).toBe(recipe.includes('gptq'));
    for (const recipe of ['', 'nonsense', '{"steps":', 'wanda:pattern=2:4', 'gptq:bits=5'])
      expect(bitStepOf(recipe)).toBeNull();
  });

  it('go round, and know a model without a gate', () => {
    expect([8, 4, 3, 2].map(nextBits)).toEqual([4, 3, 2, 8]);
    expect(linearsOf({ gated: false })).not.toContain('gate_proj');
  });
});
