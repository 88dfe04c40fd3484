import { afterAll, describe, expect, it } from 'vitest';
import { openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** Every one of the 65,536 patterns, as stored bytes. */
const ALL_PATTERNS = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer);

const KERNELS = [
  ['decode_f16', 'F16'],
  ['decode_bf16', 'BF16'],
] as const;

describe.skipIf(!twins)('decoding of stored weights against its f64 twin', () => {
  it.each(KERNELS)('%s decodes every %s bit pattern exactly', async (kernel, dtype) => {
    const [found, expected] = await twins!.run((backend) =>
      backend.decode(ALL_PATTERNS, dtype, [256, 256], 'patterns'),
    );
    expect([...twins!.kernels]).toEqual([kernel]);
    // Object.is tells −0 from 0 and treats NaN as equal to itself.
    const wrong = Array.from(expected).findIndex((value, i) => !Object.is(value, found[i]));
    expect(wrong).toBe(-1);
  });

  it.each(KERNELS)('%s decodes odd counts of %s', async (_, dtype) => {
    for (const shape of [
      [1, 1],
      [7, 13],
      [1, 129],
    ]) {
      const bytes = ALL_PATTERNS.slice(0x3000, 0x3000 + 2 * shape[0] * shape[1]);
      const [found, expected] = await twins!.run((backend) => backend.decode(bytes, dtype, shape, 'odd'));
      expect([...Array.from(found)]).toEqual([...Array.from(expected)]);
    }
  });

  it('takes F32 as it is, from bytes at any offset', async () => {
    const values = randomValues(91, 1);
    const bytes = new Uint8Array(values.byteLength + 3);
    bytes.set(new Uint8Array(values.buffer), 3);
    const tensor = twins!.webgpu.decode(bytes.subarray(3), 'F32', [7, 13], 'unaligned');
    expect(await twins!.webgpu.read(tensor)).toEqual(values);
    tensor.dispose();
  });
});
