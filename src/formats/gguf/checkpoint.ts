/**
 * @file A {@link Checkpoint} over GGUF files whose tensors are what the Hugging Face checkpoint holds: its names, its row
 * order, its offsets. What llama.cpp's converter did to a tensor is undone while it is read, a range of rows at a time.
 */
import { WhittleError } from '../../errors/errors.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { type DType, isDType, isFloatType } from '../../tensor/dtype.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.ts';
import type { ByteSource } from '../source.ts';
import type { GgufTensor } from './header.ts';
import type { RowOrder } from './row_order.ts';

export interface StoredTensor extends GgufTensor {
  readonly source: ByteSource;
}

/** What has to be undone; of the parts that move numbers, at most one is there. */
export interface Undo {
  readonly rows?: RowOrder;
  /** Added to a norm's weight by the converter (Gemma: 1); the numbers are read as F32. */
  readonly added?: number;
  /** A factor that the file has beside the weight (NVFP4, BitNet): the numbers are multiplied, and read as F32. */
  readonly factor?: number;
  /** Not in the file: a bias of zeros. `tensor` is the linear's weight. */
  readonly zeros?: boolean;
  /** Stored as the transpose (GPT-2's Conv1D); block types are read as F32, because blocks cannot be turned. */
  readonly transposed?: boolean;
}

/** One tensor of the Hugging Face checkpoint. */
export interface TensorView {
  /** As Hugging Face names it. */
  readonly name: string;
  readonly tensor: StoredTensor;
  /** Of the Hugging Face tensor; differs from the stored one where that is fused or transposed. */
  readonly shape: readonly number[];
  readonly undo?: Undo;
}

interface Located extends TensorInfo {
  readonly view: TensorView;
}

/** @param nameInFile GGUF's name of any tensor of the family, for messages. */
export function ggufCheckpoint(views: readonly TensorView[], nameInFile?: (name: string) => string): Checkpoint {
  const tensors = new Map<string, Located>();
  let bytes = 0;
  for (const view of views) {
    tensors.set(view.name, infoOf(view));
    bytes += storedBytes(view);
  }
  return {
    tensors,
    bytes,
    ...(nameInFile && { nameInFile }),
    read: async (name, rows) => readView(find(tensors, name), rows),
  };
}

function infoOf(view: TensorView): Located {
  const { tensor, name, shape, undo = {} } = view;
  const elements = elementCount(shape);
  if (undo.zeros) return { name, dtype: 'F32', shape, bytes: 4 * elements, file: tensor.source.name, view };
  const widened = readsAsF32(tensor.type, undo);
  const bytes = storedBytes(view);
  return {
    name,
    dtype: widened ? 'F32' : tensor.type,
    shape,
    bytes: widened ? elements * 4 : bytes,
    ...(widened && tensor.type !== 'F32' && { stored: { dtype: tensor.type, bytes } }),
    file: tensor.source.name,
    view,
  };
}

/** A view of some rows of a tensor has its share of the bytes. */
function storedBytes({ tensor, shape, undo }: TensorView): number {
  if (undo?.zeros) return 0;
  const elements = elementCount(shape);
  return elements === 0 ? 0 : (tensor.bytes / elementCount(tensor.shape)) * elements;
}

function readsAsF32(type: string, { added, factor, transposed }: Undo): boolean {
  if (!isDType(type)) return false;
  return added !== undefined || factor !== undefined || (transposed === true && !isFloatType(type));
}

function find(tensors: ReadonlyMap<string, Located>, name: string): Located {
  const found = tensors.get(name);
  if (found) return found;
  throw new WhittleError({
    code: 'missing_tensor',
    message: `The checkpoint holds no tensor "${name}".`,
    place: { tensor: name },
  });
}

async function readView(info: Located, rows?: RowRange): Promise<Uint8Array> {
  const { view, shape, name } = info;
  const { tensor, undo = {} } = view;
  const range = rows ?? { start: 0, end: shape[0] };
  if (!(range.start >= 0 && range.start <= range.end && range.end <= shape[0])) {
    throw new RangeError(`rows ${range.start} to ${range.end} of "${name}", which has ${shape[0]} rows`);
  }
  if (undo.zeros) return new Uint8Array(4 * (range.end - range.start));
  if (undo.transposed) return readTransposed(tensor, range);
  const bytes = undo.rows
    ? await readOrdered(tensor, undo.rows, range)
    : await readRows(tensor, range.start, range.end);
  const { added = 0, factor = 1 } = undo;
  if ((undo.added === undefined && undo.factor === undefined) || !isDType(tensor.type)) return bytes;
  return encodeFromFloat(
    decodeStored(bytes, tensor.type).map((value) => value * factor - added),
    'F32',
  );
}

/** Rows of the tensor as they are stored. */
function readRows({ source, offset, bytes, shape }: StoredTensor, start: number, end: number): Promise<Uint8Array> {
  const rowBytes = shape[0] > 0 ? bytes / shape[0] : 0;
  return source.read(offset + start * rowBytes, (end - start) * rowBytes);
}

/** Reads whole blocks, neighbours in the file at once, and puts the wanted rows in order. */
async function readOrdered(tensor: StoredTensor, order: RowOrder, { start, end }: RowRange): Promise<Uint8Array> {
  const { block_rows: size, stored_row } = order;
  const rowBytes = tensor.bytes / tensor.shape[0];
  const out = new Uint8Array((end - start) * rowBytes);
  const lastBlock = Math.ceil(end / size);
  for (let block = Math.floor(start / size); block < lastBlock; ) {
    const stored = order.stored_block(block);
    let next = block + 1;
    while (next < lastBlock && order.stored_block(next) === stored + next - block) next++;
    const bytes = await readRows(tensor, stored * size, (stored + next - block) * size);
    for (let row = Math.max(start, block * size); row < Math.min(end, next * size); row++) {
      const inBlock = row % size;
      const from = row - block * size - inBlock + (stored_row ? stored_row(inBlock) : inBlock);
      out.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), (row - start) * rowBytes);
    }
    block = next;
  }
  return out;
}

/** Rows of the transpose: columns of the stored matrix, which is read whole. */
async function readTransposed(tensor: StoredTensor, { start, end }: RowRange): Promise<Uint8Array> {
  const [rows, columns] = tensor.shape;
  const type = tensor.type as DType;
  const values = decodeStored(await readRows(tensor, 0, rows), type);
  const out = new Float32Array((end - start) * rows);
  for (let row = 0; row < rows; row++) {
    for (let i = start; i < end; i++) out[(i - start) * rows + row] = values[row * columns + i];
  }
  return encodeFromFloat(out, isFloatType(type) ? type : 'F32');
}
