/** @file Rounding keys and values as a cache of few bits holds them: each token's by its largest, as floats again. */
import type { Tensor } from '../backend/backend.ts';
import type { Arena } from './arena.ts';

/** @param states (rows, kv_heads·head_dim), rotated: rounded in place. */
export function roundCache(arena: Arena, levels: number | undefined, states: Tensor): void {
  if (levels === undefined) return;
  const { backend } = arena;
  const output = arena.workspace('quantized_cache', states.shape);
  backend.quantize_rows({ hidden_states: states, levels, output });
  backend.copy(output, states);
}
