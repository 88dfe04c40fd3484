/**
 * @file The packed scales of Q4_K and Q5_K: 6-bit scale and minimum of eight runs of 32 values in 12 bytes. Runs 0 … 3 are
 * the low bits of bytes 0 … 3 (scales) and 4 … 7 (minima); runs 4 … 7 have four bits in a nibble of bytes 8 … 11 and two
 * in the high bits of the bytes of run − 4.
 */

export function scaleOfRun(bytes: Uint8Array, at: number, run: number): number {
  if (run < 4) return bytes[at + run] & 63;
  return (bytes[at + 4 + run] & 15) | ((bytes[at + run - 4] >> 6) << 4);
}

export function minimumOfRun(bytes: Uint8Array, at: number, run: number): number {
  if (run < 4) return bytes[at + 4 + run] & 63;
  return (bytes[at + 4 + run] >> 4) | ((bytes[at + run] >> 6) << 4);
}
