/**
 * @file Which blocks tensors of type 42 have. llama.cpp's Q2_0 has 64 values in 18 bytes; PrismML's tools wrote 128 values in 34
 * bytes under the same number, before llama.cpp had it. The file does not say which, but where its tensors lie does.
 */
import { blockOf } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';

interface Placed {
  readonly type: string;
  readonly shape: readonly number[];
  readonly offset: bigint;
  readonly bytes: number;
}

const WIDE = 'Q2_0_G128';

/**
 * The tensors with the type that fits. Every Q2_0 tensor of a file has the same: blocks of 128 only where blocks of 64 do
 * not fit between the tensors, and these do.
 * @param data_bytes Bytes from the beginning of the data on.
 */
export function settleTwoBits<T extends Placed>(tensors: readonly T[], data_bytes: number, alignment: number): T[] {
  const two = tensors.filter(({ type }) => type === 'Q2_0');
  if (two.length === 0) return [...tensors];
  const offsets = tensors.map(({ offset }) => offset).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const following = new Map(offsets.map((offset, i) => [offset, Number(offsets[i + 1] ?? data_bytes)]));
  const room = ({ offset }: Placed) => following.get(offset)! - Number(offset);
  const wideBytes = ({ shape }: Placed) => (elementCount(shape) / blockOf(WIDE).elements) * blockOf(WIDE).bytes;
  const fitsWide = (tensor: T) => {
    const { shape } = tensor;
    const spare = room(tensor) - wideBytes(tensor);
    return shape[shape.length - 1] % blockOf(WIDE).elements === 0 && spare >= 0 && spare < alignment;
  };
  if (two.every((tensor) => tensor.bytes <= room(tensor)) || !two.every(fitsWide)) return [...tensors];
  return tensors.map((tensor) =>
    tensor.type === 'Q2_0' ? { ...tensor, type: WIDE, bytes: wideBytes(tensor) } : tensor,
  );
}
