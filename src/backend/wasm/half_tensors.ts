/** @file Half floats, a range at a time: stored bytes into tensors, and tensors into the bytes that will be stored. */
import { decodeStored } from '../../tensor/decode.ts';
import { encodeFromFloat, fitInHalf } from '../../tensor/half.ts';
import type { TaskTools } from './task_tools.ts';

export interface EncodeHalvesTask {
  values: Float32Array;
  /** Two a value. */
  bytes: Uint8Array;
  /** (1): no longer 0 where a value is NaN or becomes infinite. */
  beyond: Uint32Array;
}

export interface RoundHalvesTask {
  values: Float32Array;
}

/** Values that are rounded at a time, their halves in scratch memory. */
const CHUNK = 4096;
/** Floats and halves that the kernel takes at a time. */
export const [FLOATS, HALVES] = [8, 4];

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
  if (!fitInHalf(rest)) beyond[0] = 1;
  bytes.set(encodeFromFloat(rest.slice(), 'F16'), 2 * whole);
}

/** Values `start … end` become the nearest half floats, where arrays lie in shared memory. */
export function roundToHalves(tools: TaskTools, { values }: RoundHalvesTask, start: number, end: number): void {
  const found = tools.panel.subarray(0, 4);
  const halves = tools.panel.byteOffset + 16;
  for (let at = start; at < end; at += CHUNK) {
    const count = Math.min(CHUNK, end - at);
    const chunk = values.subarray(at, at + count);
    const first = chunk.byteOffset;
    const isWhole = count % FLOATS === 0;
    if (isWhole) tools.halves.encode(first, first + 4 * count, halves, found.byteOffset);
    const isRight = isWhole && new Uint32Array(found.buffer, found.byteOffset, 4).every((word) => word === 0);
    if (isRight) tools.halves.decode(halves, halves + 2 * count, first);
    else decodeStored(encodeFromFloat(chunk.slice(), 'F16'), 'F16', chunk);
  }
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
