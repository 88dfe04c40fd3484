import { expect, it } from 'vitest';
import type { LinearUse } from '../layerwise_types.ts';
import { packingOf } from './types_of_model.ts';

it('values that four or more query heads share are worth more bits', () => {
  const facts = { is_fused: false, is_falcon: false, layers: 8, has_importance: true };
  const options = { type: 'q2_k', importance: 'inputs' } as const;
  const type = (heads: number, kv_heads: number) => {
    const use = { layer: 3, name: 'v_proj', heads, kv_heads } as LinearUse;
    return packingOf(options, 256, use, facts)?.dtype;
  };
  expect([type(8, 8), type(9, 3), type(8, 2), type(12, 3)]).toEqual(['Q3_K', 'Q3_K', 'Q4_K', 'Q4_K']);
});
