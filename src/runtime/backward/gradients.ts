/** @file Where gradients are summed: one tensor a weight, made zero when it is first asked for; tables in blocks of rows. */
import type { Tensor } from '../../backend/backend.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { Arena } from '../arena.ts';

/** Rows of a table's gradient. */
interface GradientBlock extends RowRange {
  tensor: Tensor;
}

export class Gradients {
  private readonly parts = new Map<WeightRef, GradientBlock[]>();

  /** @param wants Which weights are trained: of the others nothing is computed. */
  constructor(
    private readonly arena: Arena,
    private readonly wants: (ref: WeightRef) => boolean,
  ) {}

  wanted(ref: WeightRef | undefined): ref is WeightRef {
    return ref !== undefined && this.wants(ref);
  }

  /** The gradient of a whole weight, shaped as it, to be added to; undefined where none is wanted. */
  of(ref: WeightRef | undefined): Tensor | undefined {
    if (!this.wanted(ref)) return undefined;
    return this.rows(ref, { start: 0, end: ref.shape[0] });
  }

  /** That of some rows of a table. Those of one table do not overlap, or are the same. */
  rows(ref: WeightRef, { start, end }: RowRange): Tensor {
    const blocks = this.blocks(ref);
    const found = blocks.find((block) => block.start === start && block.end === end);
    if (found) return found.tensor;
    const tensor = this.arena.empty([end - start, ...ref.shape.slice(1)], `grad ${ref.name}`);
    blocks.push({ start, end, tensor });
    return tensor;
  }

  /** Blocks that exist. */
  blocks(ref: WeightRef): GradientBlock[] {
    const blocks = this.parts.get(ref) ?? [];
    this.parts.set(ref, blocks);
    return blocks;
  }

  /** On the host: zeros where nothing was added. */
  async read(ref: WeightRef): Promise<Float64Array> {
    const values = new Float64Array(elementCount(ref.shape));
    const row = values.length / ref.shape[0];
    for (const { start, tensor } of this.blocks(ref)) values.set(await this.arena.backend.read(tensor), start * row);
    return values;
  }

  /** All are zero again. */
  clear(): void {
    for (const blocks of this.parts.values()) this.arena.free(...blocks.map(({ tensor }) => tensor));
    this.parts.clear();
  }
}
