import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { smallPng } from './small_png.ts';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

function chunk(type: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type), data]);
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, end]);
}

function header(width: number, height: number, type: number): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([8, type], 8);
  return chunk('IHDR', data);
}

/** Rows in all five filters by turns. */
function png(width: number, height: number, channels: 3 | 4, pixels: Uint8Array): Buffer {
  const stride = width * channels;
  const raw = Buffer.alloc(height * (stride + 1));
  const at = (x: number, y: number) => (x < 0 || y < 0 ? 0 : pixels[y * stride + x]);
  for (let y = 0; y < height; y++) {
    raw[y * (stride + 1)] = y % 5;
    for (let x = 0; x < stride; x++) {
      const [a, b, c] = [at(x - channels, y), at(x, y - 1), x < channels ? 0 : at(x - channels, y - 1)];
      const p = a + b - c;
      const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      raw[y * (stride + 1) + 1 + x] = at(x, y) - [0, a, b, Math.floor((a + b) / 2), paeth][y % 5];
    }
  }
  const parts = [header(width, height, channels === 3 ? 2 : 6), chunk('IDAT', deflateSync(raw))];
  return Buffer.concat([SIGNATURE, ...parts, chunk('IEND', new Uint8Array())]);
}

/** Its colours, pixel by pixel; checks every chunk's sum. */
function colours(small: Buffer): number[][] {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < small.length; ) {
    const length = small.readUInt32BE(at);
    const body = small.subarray(at + 4, at + 8 + length);
    expect(small.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.set(body.toString('latin1', 0, 4), body.subarray(4));
    at += length + 12;
  }
  const [head, table, data] = ['IHDR', 'PLTE', 'IDAT'].map((type) => chunks.get(type) as Buffer);
  expect([...head.subarray(8)]).toEqual([8, 3, 0, 0, 0]);
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  const rows = inflateSync(data);
  return Array.from({ length: width * height }, (_, i) => {
    const place = 3 * rows[i + Math.floor(i / width) + 1];
    return [...table.subarray(place, place + 3)];
  });
}

/** A picture whose pixels take one of so many colours each. */
function picture(channels: 3 | 4, different: number) {
  const [width, height] = [31, 20];
  const pixels = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const colour = (Math.floor(i / channels) * 7) % different;
    return [colour, (colour * 37) % 256, 255 - colour, 255][i % channels];
  });
  const wanted = Array.from({ length: width * height }, (_, i) => [...pixels.subarray(i * channels, i * channels + 3)]);
  return { file: png(width, height, channels, pixels), wanted };
}

describe('a small PNG', () => {
  it.each([3, 4] as const)('has the same pixels where its colours are few (%i channels)', (channels) => {
    const { file, wanted } = picture(channels, 60);
    expect(colours(smallPng(file))).toEqual(wanted);
  });

  it('takes the nearest of 64 where there are more', () => {
    const { file, wanted } = picture(3, 150);
    const found = colours(smallPng(file));
    const palette = [...new Map(found.map((rgb) => [String(rgb), rgb])).values()];
    expect(palette.length).toBe(64);
    const far = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, k) => sum + (v - b[k]) ** 2, 0);
    for (const [i, rgb] of wanted.entries()) {
      expect(far(found[i], rgb)).toBe(Math.min(...palette.map((each) => far(each, rgb))));
    }
  });

  it('refuses what is no screenshot', () => {
    const grey = Buffer.concat([SIGNATURE, header(1, 1, 0), chunk('IDAT', deflateSync(Buffer.from([0, 9])))]);
    expect(() => smallPng(grey)).toThrow('PNG of type 0, 8 bits: not a screenshot.');
  });
});
