/**
 * @file Device tensor → stored weight. Sliced weights are kept, evaluated and exported in one and the same stored type,
 * so that the perplexity on the chart is the perplexity of the file.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { Linear, ModelOutline, WeightRef } from '../../models/decoder_model.ts';
import { type ScratchSlot, type ScratchStore, scratchWeight } from '../../models/scratch.ts';
import { asFloatType } from '../../models/weight_views.ts';
import type { Arena } from '../../runtime/arena.ts';
import { DECODED_BYTES } from '../../runtime/budgets.ts';
import type { DeviceLinear } from '../../runtime/weights.ts';
import { type FloatType, isFloatType } from '../../tensor/dtype.ts';
import { encodeFromFloat, fitInHalf } from '../../tensor/half.ts';
import { mainElementBytes } from './model_shape.ts';

interface Encoded {
  bytes: Uint8Array;
  dtype: FloatType;
  /** The whole array that `bytes` lie in, where nobody else has it. */
  room?: Uint8Array<ArrayBuffer>;
}

export class WeightStore {
  /** Two uses of one table must stay one object. */
  private readonly kept = new Map<WeightRef, WeightRef>();
  /** The largest array that went into the scratch store, to be filled again; taken while one is on its way there. */
  private spare: Uint8Array<ArrayBuffer> | undefined;

  constructor(
    private readonly arena: Arena,
    private readonly scratch: ScratchStore,
    /** F32 models stay F32; F16 and BF16 models are stored as F16, which is the finer of the two at a weight's scale. */
    readonly dtype: FloatType,
  ) {}

  /** Stores a tensor under a name and frees it. */
  async put(tensor: Tensor, name: string, dtype: FloatType = this.dtype): Promise<WeightRef> {
    const { shape } = tensor;
    const lot = Math.max(1, Math.floor(DECODED_BYTES / (4 * (shape[1] ?? 1))));
    // On the host a matrix of a large model and what is stored of it would lie side by side.
    if (this.arena.backend.info.kind === 'cpu' && shape.length === 2 && shape[0] > lot) {
      const stored = await this.putBlocks(name, shape, lot, async (rows) => this.rowsOf(tensor, rows), dtype);
      this.arena.free(tensor);
      return stored;
    }
    const encoded = await this.encoded(tensor, dtype);
    const slot = await this.append(encoded);
    return scratchWeight(name, encoded.dtype, tensor.shape, [{ rows: { start: 0, end: tensor.shape[0] }, slot }]);
  }

  /** A stored weight that slicing leaves as it is: block-quantised or widened ones become floats of the sliced model. */
  keep(ref: WeightRef): WeightRef {
    if (isFloatType(ref.dtype) && !ref.stored) return ref;
    const known = this.kept.get(ref) ?? asFloatType(ref, this.dtype);
    this.kept.set(ref, known);
    return known;
  }

  /** Stores a linear's rotated weight; `bias` is the original one where rotation did not change it. */
  async putLinear(linear: DeviceLinear, name: string, bias?: WeightRef): Promise<Linear> {
    const weight = await this.put(linear.weight, `${name}.weight`);
    if (bias) return { weight, bias: this.keep(bias) };
    return linear.bias ? { weight, bias: await this.put(linear.bias, `${name}.bias`) } : { weight };
  }

  /** Stores a matrix that is computed in row blocks, one block on the device at a time. */
  async putBlocks(
    name: string,
    shape: readonly number[],
    rowsPerBlock: number,
    compute: (rows: RowRange) => Promise<Tensor>,
    dtype: FloatType = this.dtype,
  ): Promise<WeightRef> {
    const blocks: { rows: RowRange; slot: ScratchSlot }[] = [];
    for (let start = 0; start < shape[0]; start += rowsPerBlock) {
      const rows = { start, end: Math.min(shape[0], start + rowsPerBlock) };
      const tensor = await compute(rows);
      const encoded = await this.encoded(tensor, dtype);
      if (encoded.dtype !== dtype) return this.putBlocks(name, shape, rowsPerBlock, compute, encoded.dtype);
      blocks.push({ rows, slot: await this.append(encoded) });
    }
    return scratchWeight(name, dtype, shape, blocks);
  }

  private async append({ bytes, room }: Encoded): Promise<ScratchSlot> {
    const slot = await this.scratch.append(bytes);
    if (room && room.byteLength > (this.spare?.byteLength ?? 0)) this.spare = room;
    return slot;
  }

  /** A copy of some rows of a matrix. */
  private rowsOf(weight: Tensor, { start, end }: RowRange): Tensor {
    const { arena } = this;
    const ids = Uint32Array.from({ length: end - start }, (_, i) => start + i);
    const input_ids = arena.own(arena.backend.fromIds(ids, 'rows'));
    const output = arena.empty([end - start, weight.shape[1]], weight.label);
    arena.backend.embedding({ input_ids, weight, first_row: 0, output });
    arena.free(input_ids);
    return output;
  }

  /** As F32 where F16 would overflow. The tensor is freed. */
  private async encoded(tensor: Tensor, dtype: FloatType): Promise<Encoded> {
    const { backend } = this.arena;
    const halves = dtype === 'F16' ? backend.readHalves?.(tensor, this.spare) : undefined;
    if (halves) this.spare = undefined;
    const values = halves ? [] : await backend.read(tensor);
    this.arena.free(tensor);
    if (halves) return { bytes: halves, dtype, room: new Uint8Array(halves.buffer) };
    const stored = dtype === 'F16' && !fitInHalf(values) ? 'F32' : dtype;
    return { bytes: encodeFromFloat(values, stored), dtype: stored };
  }
}

/** The type that sliced weights of a model are stored in: see {@link WeightStore}. */
export function storedType(model: ModelOutline): FloatType {
  return mainElementBytes(model) === 4 ? 'F32' : 'F16';
}
