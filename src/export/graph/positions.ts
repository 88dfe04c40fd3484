/**
 * @file Where tokens stand, in both layouts. Positions (what rotary and learned embeddings use) come from `position_ids`
 * or count from 0. Slots (what masks use) are columns of the attention mask: past tokens first, padding included.
 */
import type { GraphBuilder, Value } from './builder.ts';

/** `plain`: `input_ids` → `logits`. `kv_cache`: as Optimum and transformers.js lay decoders out. */
export type Layout = 'plain' | 'kv_cache';

const SCOPE = '/model/positions';

export class Positions {
  constructor(
    private readonly builder: GraphBuilder,
    readonly layout: Layout,
  ) {}

  /** int64 (B, S), or (1, S) in the plain layout: position of each token in its text. */
  ids(): Value {
    return this.layout === 'kv_cache'
      ? 'position_ids'
      : this.builder.shared('positions.row', () =>
          this.builder.node('Unsqueeze', `${SCOPE}/Row`, [this.queryRange(), this.builder.ints([0])]),
        );
  }

  /** f32 (B, 1, S, 1), or with a leading 1 in the plain layout. */
  floats(): Value {
    const { builder } = this;
    return builder.shared('positions.floats', () => {
      const floats = builder.cast(`${SCOPE}/Cast`, this.ids(), 'FLOAT');
      return builder.node('Unsqueeze', `${SCOPE}/Unsqueeze`, [floats, builder.ints([1, 3])]);
    });
  }

  /** int64 scalar: the length of the longest text so far, padding left out. */
  length(): Value {
    const { builder } = this;
    return builder.shared('positions.length', () => {
      const last = builder.node(
        'ReduceMax',
        `${SCOPE}/ReduceMax`,
        [this.ids()],
        [{ name: 'keepdims', kind: 'int', value: 0 }],
      );
      return builder.node('Add', `${SCOPE}/Length`, [last, builder.ints(1)]);
    });
  }

  /** int64 (T): slots of all keys, 0 … T − 1. */
  keySlots(): Value {
    return this.layout === 'plain'
      ? this.queryRange()
      : this.builder.shared('slots.keys', () =>
          this.builder.node('Range', `${SCOPE}/Keys`, [this.builder.ints(0), this.total(), this.builder.ints(1)]),
        );
  }

  /** int64 (S, 1): slots of the queries, T − S … T − 1. */
  querySlots(): Value {
    const { builder } = this;
    return builder.shared('slots.queries', () => {
      let slots = this.queryRange();
      if (this.layout === 'kv_cache') {
        const past = builder.node('Sub', `${SCOPE}/Past`, [this.total(), this.sequence()]);
        slots = builder.node('Add', `${SCOPE}/Queries`, [slots, past]);
      }
      return builder.node('Unsqueeze', `${SCOPE}/Column`, [slots, builder.ints([1])]);
    });
  }

  /** 0 … S − 1, int64 (S). */
  private queryRange(): Value {
    const { builder } = this;
    return builder.shared('positions.range', () =>
      builder.node('Range', `${SCOPE}/Range`, [builder.ints(0), this.sequence(), builder.ints(1)]),
    );
  }

  /** S. */
  private sequence(): Value {
    return this.sizeOf('input_ids');
  }

  /** T = past + S. */
  private total(): Value {
    return this.sizeOf('attention_mask');
  }

  private sizeOf(input: Value): Value {
    const { builder } = this;
    return builder.shared(`size.${input}`, () => {
      const shape = builder.node('Shape', `${SCOPE}/${input}/Shape`, [input]);
      return builder.node('Gather', `${SCOPE}/${input}/Gather`, [shape, builder.ints(1)]);
    });
  }
}
