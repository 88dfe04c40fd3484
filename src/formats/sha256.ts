/**
 * @file Incremental SHA-256 (FIPS 180-4). `crypto.subtle` digests only a whole buffer, and an exported file never is one.
 */

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
const ROUND_CONSTANTS = fractionalRoots(64, Math.cbrt);

const BLOCK_BYTES = 64;

export class Sha256 {
  /** First 32 bits of the fractional parts of the square roots of the first 8 primes (§5.3.3). */
  private readonly state = fractionalRoots(8, Math.sqrt);
  // Signed, as everything here: words beyond 2^31 are floats to a JavaScript engine, and cost half as much again.
  private readonly schedule = new Int32Array(64);
  private readonly block = new Uint8Array(BLOCK_BYTES);
  private filled = 0;
  private length = 0;

  update(bytes: Uint8Array): this {
    this.length += bytes.byteLength;
    let offset = 0;
    if (this.filled > 0) {
      offset = Math.min(BLOCK_BYTES - this.filled, bytes.byteLength);
      this.block.set(bytes.subarray(0, offset), this.filled);
      this.filled += offset;
      if (this.filled < BLOCK_BYTES) return this;
      this.compress(this.block, 0);
      this.filled = 0;
    }
    for (; offset + BLOCK_BYTES <= bytes.byteLength; offset += BLOCK_BYTES) this.compress(bytes, offset);
    this.block.set(bytes.subarray(offset));
    this.filled = bytes.byteLength - offset;
    return this;
  }

  /** Lower-case hexadecimal digest. Ends the hash: call it once. */
  digest(): string {
    const bits = this.length * 8;
    const padding = new Uint8Array(this.filled < 56 ? 64 - this.filled : 128 - this.filled);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.byteLength - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.byteLength - 4, bits >>> 0);
    this.update(padding);
    return Array.from(this.state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** One 64-byte block (§6.2.2). */
  private compress(bytes: Uint8Array, offset: number): void {
    const w = this.schedule;
    for (let t = 0, at = offset; t < 16; t++, at += 4) {
      w[t] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let t = 16; t < 64; t++) {
      const early = w[t - 15];
      const late = w[t - 2];
      const sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
      const sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
      w[t] = (w[t - 16] + sigma0 + w[t - 7] + sigma1) | 0;
    }
    const state = this.state;
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let t = 0; t < 64; t++) {
      const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const choice = g ^ (e & (f ^ g));
      const t1 = (h + sum1 + choice + ROUND_CONSTANTS[t] + w[t]) | 0;
      const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const majority = (a & b) | (c & (a | b));
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + sum0 + majority) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

export function sha256(bytes: Uint8Array): string {
  return new Sha256().update(bytes).digest();
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** f64 roots have 52 bits below the point for these primes, so their first 32 fractional bits are exact. */
function fractionalRoots(count: number, root: (x: number) => number): Int32Array {
  const words = new Int32Array(count);
  for (let candidate = 2, found = 0; found < count; candidate++) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) isPrime = false;
    if (!isPrime) continue;
    const value = root(candidate);
    words[found++] = Math.floor((value - Math.floor(value)) * 2 ** 32);
  }
  return words;
}
