/** @file What the reverse pass of every part needs: where gradients go, which linears have adapters, rotations both ways. */
import type { Tensor } from '../../backend/backend.ts';
import type { Rotary } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import type { RotaryTable } from '../forward.ts';
import { RotaryCache } from '../model_pass.ts';
import type { Gradients } from './gradients.ts';
import type { TrainedLinears } from './trained.ts';

export interface BackwardContext {
  readonly arena: Arena;
  readonly gradients: Gradients;
  readonly adapters: TrainedLinears;
  readonly rotations: Rotations;
  /** Absent: those of `budgets.ts`. */
  readonly budgets?: KeptBudgets;
}

/** Bytes, as f32, of what is kept instead of being made twice. */
export interface KeptBudgets {
  readonly layerBytes: number;
  readonly logitsBytes: number;
}

/** Tables of a window's rotations, and those that turn back: with the sine negated, rotary is its own transpose. */
export class Rotations {
  private readonly tables: RotaryCache;
  private readonly inverses = new Map<RotaryTable, RotaryTable>();

  constructor(
    private readonly arena: Arena,
    seqlen: number,
  ) {
    this.tables = new RotaryCache(arena, seqlen);
  }

  of(rotary: Rotary | undefined): RotaryTable | undefined {
    return rotary && this.tables.get(rotary);
  }

  inverse(table: RotaryTable): RotaryTable {
    const found = this.inverses.get(table);
    if (found) return found;
    const { cos, query, interleaved } = table;
    const made = {
      ...{ cos, sin: this.negated(table.sin), interleaved },
      ...(query && { query: { cos: query.cos, sin: this.negated(query.sin) } }),
    };
    this.inverses.set(table, made);
    return made;
  }

  private negated(sin: Tensor): Tensor {
    const { backend } = this.arena;
    const output = this.arena.empty(sin.shape, `−${sin.label}`);
    backend.copy(sin, output);
    backend.scale({ hidden_states: output, factor: -1 });
    return output;
  }
}
