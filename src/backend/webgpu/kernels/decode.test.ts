import { afterAll, describe, expect, it } from 'vitest';
import { openTwins, randomValues } from '../../testing.ts';
import { decode } from './decode.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** Every one of the 65,536 patterns, as stored bytes. */
const ALL_PATTERNS = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer);

const KERNELS = [
  ['decode_f16', 'F16'],
  ['decode_bf16', 'BF16'],
] as const;

/** By the kernel, also on a software adapter, which the host decodes for; and by the host. */
async function byKernel(bytes: Uint8Array, dtype: 'F16' | 'BF16', shape: [number, number]): Promise<ArrayLike<number>> {
  const { context } = twins!.webgpu;
  const words = context.tensor([Math.ceil(bytes.byteLength / 4)], 'u32', 'stored');
  const output = context.tensor(shape, 'f32', 'decoded');
  context.upload(words, bytes);
  decode(context, dtype, words, output, shape[0] * shape[1]);
  const values = await twins!.webgpu.read(output);
  for (const tensor of [words, output]) tensor.dispose();
  return values;
}

describe.skipIf(!twins)('decoding of stored weights against its f64 twin', () => {
  it.each(KERNELS)('%s decodes every %s bit pattern exactly', async (kernel, dtype) => {
    const [decoded, expected] = await twins!.run((backend) =>
      backend.decode(ALL_PATTERNS, dtype, [256, 256], 'patterns'),
    );
    const { isFallbackAdapter } = twins!.webgpu.info;
    expect([...twins!.kernels]).toEqual(isFallbackAdapter ? [] : [kernel]);
    for (const found of [decoded, await byKernel(ALL_PATTERNS, dtype, [256, 256])]) {
      // Object.is tells −0 from 0 and treats NaN as equal to itself.
      const wrong = Array.from(expected).findIndex((value, i) => !Object.is(value, found[i]));
      expect(wrong).toBe(-1);
    }
  });

  it.each(KERNELS)('%s decodes odd counts of %s', async (_, dtype) => {
    const shapes: [number, number][] = [
      [1, 1],
      [7, 13],
      [1, 129],
    ];
    for (const shape of shapes) {
      const bytes = ALL_PATTERNS.slice(0x3000, 0x3000 + 2 * shape[0] * shape[1]);
      const [found, expected] = await twins!.run((backend) => backend.decode(bytes, dtype, shape, 'odd'));
      expect([...Array.from(found)]).toEqual([...Array.from(expected)]);
      expect([...Array.from(await byKernel(bytes, dtype, shape))]).toEqual([...Array.from(expected)]);
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
