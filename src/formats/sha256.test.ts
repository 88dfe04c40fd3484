import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Sha256, sha256 } from './sha256.ts';

const ascii = (text: string) => new TextEncoder().encode(text);

describe('SHA-256', () => {
  it('gives the digests of FIPS 180-4 and of NIST for known messages', () => {
    expect(sha256(ascii(''))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256(ascii('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256(ascii('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'))).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
    expect(sha256(new Uint8Array(1_000_000).fill(0x61))).toBe(
      'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
    );
  });

  it('agrees with the platform at every length around the block size, however the bytes are cut', () => {
    const message = Uint8Array.from({ length: 300 }, (_, i) => (i * 37 + 11) & 255);
    for (const length of [1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 300]) {
      const bytes = message.subarray(0, length);
      const expected = createHash('sha256').update(bytes).digest('hex');
      for (const step of [1, 7, 64, 100]) {
        const hash = new Sha256();
        for (let at = 0; at < length; at += step) hash.update(bytes.subarray(at, at + step));
        expect(hash.digest(), `${length} bytes in steps of ${step}`).toBe(expected);
      }
    }
  });

  it('counts bits beyond 32 of them', () => {
    // As it stands after 512 MiB of zeros: this class made the state, Node's crypto the digest of those and "abc".
    const state = 'c1945316 0ed03e10 4e1064e9 2f8b0652 e52774ad 065ea229 c9c3c246 0e0cc072';
    const hash = new Sha256();
    const words = Uint32Array.from(state.split(' '), (word) => Number.parseInt(word, 16));
    (hash as unknown as { state: Int32Array }).state.set(words);
    Object.assign(hash, { length: 2 ** 29 });
    expect(hash.update(ascii('abc')).digest()).toBe('717dbb38e902c8ccfec58bd3ad0c34913fab4850d86992ad326ed3ada0382653');
  });
});
