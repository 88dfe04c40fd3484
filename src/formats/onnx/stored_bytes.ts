/**
 * @file Bytes of a stored tensor as `raw_data` would have them, wherever they lie. `int32_data` holds an element of 8, 16 or 32 bits, or two
 * of 4 bits, in each number (onnx.proto): so `onnx.helper.make_tensor` writes zero points.
 */
import type { ByteSource } from '../source.ts';
import { bad, type StoredTensor } from './read_tensor.ts';

/** A list whose numbers cannot be told from its bytes alone: text, other pieces of it elsewhere. */
export function isUnread({ location }: StoredTensor): boolean {
  return location.kind === 'list' && location.numbers === undefined;
}

/** Throws `bad_onnx` for a list that is not as long as the shape, and what reading throws. */
export async function readStored(
  source: ByteSource,
  tensor: StoredTensor,
  start: number,
  length: number,
): Promise<Uint8Array> {
  const { location } = tensor;
  if (location.kind === 'none') return new Uint8Array(length);
  if (location.kind !== 'list') return source.read(location.offset + start, length);
  const { numbers } = location;
  if (!numbers) throw new RangeError(`${tensor.name} is a list that is not read`);
  const whole = unpacked(source.name, tensor, await source.read(numbers.offset, numbers.length));
  return whole.subarray(start, start + length);
}

function unpacked(file: string, { name, type, bytes }: StoredTensor, varints: Uint8Array): Uint8Array {
  const unit = Math.max(1, (type.bits ?? 8) / 8);
  const out = new Uint8Array(bytes);
  let count = 0;
  let at = 0;
  while (at < varints.length) {
    let value = 0;
    let shift = 0;
    do {
      // Negative numbers have ten bytes; what is beyond 32 bits is their sign.
      if (shift < 32) value |= (varints[at] & 0x7f) << shift;
      shift += 7;
    } while (varints[at++] & 0x80);
    for (let i = 0; i < unit; i++) out[count * unit + i] = value >>> (8 * i);
    count++;
  }
  if (count * unit === bytes) return out;
  throw bad(file, `${name} has ${count} numbers in int32_data.`, { tensor: name }, `${bytes / unit} for its shape`);
}
