import { describe, expect, it } from 'vitest';
import type { LinearInput } from '../layerwise_types.ts';
import { type Options, statisticsOf, unitsOf } from './units.ts';

const options = (more: Partial<Options>): Options => ({
  ...{ keep: 0.8, score: 'wanda', units: 'channels', budget: 'uniform', compensate: false, bias: false },
  ...more,
});

describe('what width asks of the inputs', () => {
  it.each([
    [{}, ['diagonal']],
    [{ compensate: true }, ['gram', 'diagonal']],
    [{ score: 'obs' }, ['gram', 'diagonal']],
    [{ score: 'flap' }, ['diagonal', 'means']],
    [{ bias: true }, ['diagonal', 'means']],
    [{ score: 'obs', bias: true }, ['gram', 'diagonal', 'means']],
  ] as [Partial<Options>, string[]][])('%j', (more, wanted) => expect(statisticsOf(options(more))).toEqual(wanted));

  it('a unit is all heads of a key-value group, or one channel', () => {
    const linear = (name: string) =>
      ({ W: [], rows: 4, columns: 24, use: { name, kv_heads: 3 } }) as unknown as LinearInput;
    expect(unitsOf(linear('o_proj')).width).toBe(8);
    expect(unitsOf(linear('down_proj')).width).toBe(1);
  });
});
