/** @file Half floats, a range at a time: stored bytes into tensors, and tensors into the bytes that will be stored. */
import { decodeStored } from '../../tensor/decode.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import type { TaskTools } from './tasks.ts';

export interface EncodeHalvesTask {
  values: Float32Array;
  /** Two a value. */
  bytes: Uint8Array;
  /** (1): no longer 0 where a value is NaN or becomes infinite. */
  beyond: Uint32Array;
}

/** Floats and halves that the kernel takes at a time. */
export const [FLOATS, HALVES] = [8, 4];
/** From here on a half float is infinite: 65504 and half a unit in its last place. */
const F16_LIMIT = 65520;

/** Values `start … end`, where arrays lie in shared memory. */
export function encodeHalves(
  tools: TaskTools,
  { values, bytes, beyond }: EncodeHalvesTask,
  start: number,
  end: number,
) {
  const whole = start + Math.floor((end - start) / FLOATS) * FLOATS;
  if (whole > start) {
    const found = tools.panel.subarray(0, 4);
    const [from, to] = [values.byteOffset + 4 * start, values.byteOffset + 4 * whole];
    tools.halves.encode(from, to, bytes.byteOffset + 2 * start, found.byteOffset);
    if (new Uint32Array(found.buffer, found.byteOffset, 4).some((word) => word !== 0)) beyond[0] = 1;
  }
  const rest = values.subarray(whole, end);
  if (rest.some((value) => !(Math.abs(value) < F16_LIMIT))) beyond[0] = 1;
  bytes.set(encodeFromFloat(rest.slice(), 'F16'), 2 * whole);
}

/** Halves `start … end` of the bytes. */
export function decodeHalves(
  tools: TaskTools,
  bytes: Uint8Array,
  output: Float32Array,
  start: number,
  end: number,
): void {
  let whole = start;
  if (tools.holds(bytes) && tools.holds(output) && end - start >= HALVES) {
    whole = start + Math.floor((end - start) / HALVES) * HALVES;
    const from = bytes.byteOffset + 2 * start;
    tools.halves.decode(from, from + 2 * (whole - start), output.byteOffset + 4 * start);
  }
  decodeStored(bytes.subarray(2 * whole, 2 * end), 'F16', output.subarray(whole, end));
}
