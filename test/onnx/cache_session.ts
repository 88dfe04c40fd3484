/** @file Drives an exported decoder with a KV cache, as transformers.js does: masks, positions, and present → past. */
import * as ort from 'onnxruntime-web/wasm';

ort.env.wasm.numThreads = 1;

type Cache = Record<string, ort.Tensor>;

export class CacheSession {
  private cache: Cache = {};
  /** One row of 0 and 1 a text, as long as what it holds so far. */
  private mask: number[][] = [];

  private constructor(readonly session: ort.InferenceSession) {}

  static async open(bytes: Uint8Array): Promise<CacheSession> {
    return new CacheSession(await ort.InferenceSession.create(bytes));
  }

  /** Forgets all texts. */
  restart(): void {
    this.cache = {};
    this.mask = [];
  }

  /** Appends tokens to each text, `null` where there is padding, and gives the logits (tokens, vocabulary) of each text. */
  async push(texts: readonly (readonly (number | null)[])[]): Promise<Float32Array[][]> {
    const batch = texts.length;
    const length = texts[0].length;
    this.mask = texts.map((text, i) => [...(this.mask[i] ?? []), ...text.map((token) => (token === null ? 0 : 1))]);
    const int64 = (rows: readonly (readonly number[])[]) =>
      new ort.Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [batch, rows[0].length]);
    const positions = this.mask.map((row) => {
      let next = 0;
      return row.map((bit) => (bit ? next++ : 1)).slice(-length);
    });
    const feeds: Record<string, ort.Tensor> = { ...this.cache };
    feeds.input_ids = int64(texts.map((text) => text.map((token) => token ?? 0)));
    feeds.attention_mask = int64(this.mask);
    if (this.session.inputNames.includes('position_ids')) feeds.position_ids = int64(positions);
    for (const input of this.session.inputMetadata) {
      if (!input.isTensor || !input.name.startsWith('past') || feeds[input.name]) continue;
      const dims = input.shape.map((size, axis) => (typeof size === 'number' ? size : axis === 0 ? batch : 0));
      feeds[input.name] = new ort.Tensor('float32', new Float32Array(0), dims);
    }
    const { logits, ...present } = await this.session.run(feeds);
    this.cache = Object.fromEntries(
      Object.entries(present).map(([name, tensor]) => [name.replace('present', 'past_key_values'), tensor]),
    );
    const data = logits.data as Float32Array;
    const size = logits.dims[2];
    return texts.map((_, i) =>
      Array.from({ length }, (_, t) => data.slice((i * length + t) * size, (i * length + t + 1) * size)),
    );
  }
}

/** max |a − b| over rows. */
export function worstDifference(found: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): number {
  if (found.length !== expected.length) throw new Error(`${found.length} rows met ${expected.length}.`);
  let worst = 0;
  for (const [t, row] of found.entries()) {
    if (row.length !== expected[t].length) throw new Error(`Row ${t}: ${row.length} values met ${expected[t].length}.`);
    for (let i = 0; i < row.length; i++) {
      const difference = Math.abs(row[i] - expected[t][i]);
      if (!(difference <= worst)) worst = difference;
    }
  }
  return worst;
}
