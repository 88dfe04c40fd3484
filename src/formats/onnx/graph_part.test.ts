/** Weights of a part: which reads they are made of, and where their values end up. */
import { describe, expect, it } from 'vitest';
import { blobSource } from '../source.ts';
import { PART_WEIGHTS, type PartTensor, partModel } from './graph_part.ts';
import { readOnnxModel } from './read_model.ts';

const ONNX = { ir_version: 8, opsets: new Map([['', 18]]) };
const MEBIBYTE = 2 ** 20;

function part(tensors: readonly PartTensor[]) {
  return { nodes: [], inputs: [], outputs: [], tensors };
}

function tensor(name: string, bytes: number, fill: PartTensor['fill']): PartTensor {
  return { name, type: 'UINT8', dims: [bytes], bytes, fill };
}

describe('a part of a graph', () => {
  it('reads weights that lie side by side at once, and puts each where the model says', async () => {
    const sizes = [3000, 8, 5000, 16, 7000];
    const bytes = Uint8Array.from({ length: 16_000 }, (_, i) => (i * 31) % 251);
    const file = new Blob([bytes]);
    let reads = 0;
    const slice = file.slice.bind(file);
    file.slice = (...range) => {
      reads++;
      return slice(...range);
    };
    const source = blobSource('file', file);
    const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
    const tensors = sizes.map((size, i) =>
      tensor(`w${i}`, size, async (target) => target.set(await source.read(starts[i], size))),
    );
    const { model, weights } = await partModel(ONNX, part(tensors));
    expect(reads).toBe(1);
    const written = blobSource('part.onnx', new Blob([model.slice()]));
    const { graph } = await readOnnxModel(written);
    for (const [i, size] of sizes.entries()) {
      const { location } = graph.initializers.get(`w${i}`) ?? {};
      const isExternal = location?.kind === 'external';
      expect(isExternal && location.file).toBe(size >= 1024 && PART_WEIGHTS);
      const { offset } = location as { offset: number };
      const found = isExternal ? weights.slice(offset, offset + size) : (await written.read(offset, size)).slice();
      expect(found).toEqual(bytes.slice(starts[i], starts[i] + size));
    }
  });

  it('asks for at most 16 MiB together, a larger weight by itself, and waits for them', async () => {
    let [asked, most] = [0, 0];
    const order: string[] = [];
    const tensors = [6, 6, 6, 20, 1, 15].map((mebibytes, i) =>
      tensor(`w${i}`, mebibytes * MEBIBYTE, async () => {
        order.push(`w${i}`);
        asked += mebibytes;
        most = Math.max(most, mebibytes === 20 ? 0 : asked);
        await new Promise((resolve) => setTimeout(resolve));
        asked -= mebibytes;
      }),
    );
    const room = new Uint8Array(54 * MEBIBYTE);
    const { weights } = await partModel(ONNX, part(tensors), () => room);
    expect(weights).toBe(room);
    expect(asked).toBe(0);
    expect(most).toBe(16);
    expect(order).toEqual(['w0', 'w1', 'w2', 'w3', 'w4', 'w5']);
  });
});
