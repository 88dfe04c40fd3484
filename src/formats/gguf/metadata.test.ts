/** Look-ups in a file's metadata: what is there, what is missing, and what is odd, each with its key. */
import { describe, expect, it } from 'vitest';
import { GgufMetadata } from './metadata.ts';
import type { Value } from './values.ts';

const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer);
const ints = (...values: number[]): Value =>
  ({ type: 'array', of: 'int32', count: values.length, bytes: bytes(Int32Array.from(values)) }) as Value;
const strings = (...values: (string | Uint8Array)[]): Value => {
  const parts = values.flatMap((value) => {
    const own = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    return [...bytes(BigUint64Array.of(BigInt(own.length))), ...own];
  });
  return { type: 'array', of: 'string', count: values.length, bytes: Uint8Array.from(parts) } as Value;
};

const metadata = new GgufMetadata(
  'm.gguf',
  new Map<string, Value>([
    ['int', { type: 'uint32', value: 7 }],
    ['zero', { type: 'uint32', value: 0 }],
    ['float', { type: 'float32', value: Math.fround(1e-5) }],
    ['double', { type: 'float64', value: 0.1 }],
    ['half', { type: 'float32', value: 0.5 }],
    ['nan', { type: 'float32', value: Number.NaN }],
    ['text', { type: 'string', value: 'x' }],
    ['bool', { type: 'bool', value: true }],
    ['same', ints(4, 4, 4)],
    ['different', ints(4, 4, 5)],
    ['first', ints(3, 4, 4)],
    ['none', ints()],
    ['floats', { type: 'array', of: 'float32', count: 2, bytes: bytes(Float32Array.of(1.5, 1.5)) } as Value],
    ['strings', strings('a', 'ä')],
    ['broken', strings('a', Uint8Array.of(0xff))],
    ['letters', strings('', 'ä', '\ufeffx', '', '𝄞', 'Ġthe', '')],
    ['letter of two entries', strings('a', Uint8Array.of(0xc3), '', Uint8Array.of(0xa4))],
    ['letter without end', strings('ä', Uint8Array.of(0xf0, 0x9d))],
    ['no strings', strings()],
  ]),
);

const thrown = (job: () => unknown) => {
  try {
    job();
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
};

describe('metadata', () => {
  it('has whole numbers within a range', () => {
    expect(metadata.integer('int', { min: 7, max: 7 })).toBe(7);
    expect(metadata.integer('zero')).toBe(0);
    expect(metadata.integer('absent')).toBeUndefined();
    expect(thrown(() => metadata.integer('int', { min: 8 }))).toContain('int is 7 (uint32)');
    expect(thrown(() => metadata.integer('int', { max: 6 }))).toContain('int is');
    for (const key of ['half', 'text', 'same', 'nan'])
      expect(
        thrown(() => metadata.integer(key)),
        key,
      ).toContain(key);
  });

  it('has a number for all layers, or one for each that are the same', () => {
    expect(metadata.uniformInteger('int')).toBe(7);
    expect(metadata.uniformInteger('same')).toBe(4);
    expect(metadata.uniformInteger('same', { min: 4, max: 4 })).toBe(4);
    expect(metadata.uniformInteger('absent')).toBeUndefined();
    for (const key of ['different', 'first', 'none']) {
      expect(
        thrown(() => metadata.uniformInteger(key)),
        key,
      ).toContain('differs from layer to layer');
    }
    for (const range of [{ min: 5 }, { max: 3 }]) {
      expect(thrown(() => metadata.uniformInteger('same', range))).toContain('same is an array of 3 int32');
    }
    expect(thrown(() => metadata.uniformInteger('floats'))).toContain('floats is');
  });

  it('has numbers above a limit, as the shortest decimal that they are', () => {
    expect(metadata.number('float')).toBe(1e-5);
    expect(metadata.number('half')).toBe(0.5);
    expect(metadata.number('double')).toBe(0.1);
    expect(metadata.number('int', { min: 6 })).toBe(7);
    expect(thrown(() => metadata.number('int', { min: 7 }))).toContain('int');
    for (const key of ['zero', 'nan', 'text', 'same'])
      expect(
        thrown(() => metadata.number(key)),
        key,
      ).toContain(key);
  });

  it('has flags, texts and lists of their own types alone', () => {
    expect([metadata.bool('bool'), metadata.text('text'), metadata.bool('absent'), metadata.text('absent')]).toEqual([
      true,
      'x',
      undefined,
      undefined,
    ]);
    expect(metadata.numbers('same')).toEqual([4, 4, 4]);
    expect(metadata.numbers('same', ['int32'])).toEqual([4, 4, 4]);
    expect(metadata.strings('strings')).toEqual(['a', 'ä']);
    expect([metadata.numbers('absent'), metadata.strings('absent')]).toEqual([undefined, undefined]);
    const wrong = [
      () => metadata.bool('int'),
      () => metadata.text('bool'),
      () => metadata.numbers('strings'),
      () => metadata.numbers('int'),
      () => metadata.numbers('same', ['float32']),
      () => metadata.strings('same'),
      () => metadata.strings('text'),
    ];
    for (const job of wrong) expect(thrown(job), String(job)).toBeDefined();
    expect(thrown(() => metadata.strings('broken'))).toContain('Entry 1 of broken');
    expect(metadata.strings('letters')).toEqual(['', 'ä', '\ufeffx', '', '𝄞', 'Ġthe', '']);
    expect(metadata.strings('no strings')).toEqual([]);
    expect(thrown(() => metadata.strings('letter of two entries'))).toContain('Entry 1 of letter of two entries');
    expect(thrown(() => metadata.strings('letter without end'))).toContain('Entry 1 of letter without end');
  });
});
