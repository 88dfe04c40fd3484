/** @file Small whole numbers without a gap between them: code i takes bits i·b … (i + 1)·b of the bytes, lowest bit first. */

export function packedLength(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/** @param codes One a byte; only their lowest `bits` bits are kept. */
export function packBits(codes: ArrayLike<number>, bits: number): Uint8Array {
  if (bits === 8) return Uint8Array.from(codes);
  const out = new Uint8Array(packedLength(codes.length, bits));
  const mask = 2 ** bits - 1;
  for (let i = 0, at = 0; i < codes.length; i++, at += bits) {
    const shifted = (codes[i] & mask) << (at & 7);
    out[at >> 3] |= shifted;
    if (shifted > 255) out[(at >> 3) + 1] |= shifted >> 8;
  }
  return out;
}

/** Codes `first … first + count` of packed bytes that begin with the byte which holds code `first`. */
export function unpackBits(bytes: Uint8Array, bits: number, first: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  const mask = 2 ** bits - 1;
  for (let i = 0, at = (first * bits) % 8; i < count; i++, at += bits) {
    const low = bytes[at >> 3] >> (at & 7);
    const high = (at & 7) + bits > 8 ? bytes[(at >> 3) + 1] << (8 - (at & 7)) : 0;
    out[i] = (low | high) & mask;
  }
  return out;
}

/** The bytes that hold codes `first … first + count`, as a range. */
export function bitRange(bits: number, first: number, count: number): { start: number; length: number } {
  const start = Math.floor((first * bits) / 8);
  return { start, length: Math.ceil(((first + count) * bits) / 8) - start };
}
