/** @file Scales and minimums of Q4_K as f32, for quads of rows: half floats times whole numbers of 6 bits, which f32 holds exactly. */
import { f16At } from '../../tensor/quant/block_decoder.ts';
import { minimumOfRun, scaleOfRun } from '../../tensor/quant/k_scales.ts';
import { QUAD } from './packed_layout.ts';

/** Of a stored block: `f16 d; f16 dmin; u8 scales[12]; u8 qs[128]`. */
const STORED = { bytes: 144, scales: 4, runs: 8 };

interface Place {
  packed: Uint8Array;
  zeros_at: number;
  scales_at: number;
}

/** @param bytes Of the quad's four rows, each of `blocks` stored blocks. */
export function writeRunScales(
  { packed, zeros_at, scales_at }: Place,
  quad: number,
  bytes: Uint8Array,
  blocks: number,
): void {
  const count = QUAD * blocks * STORED.runs;
  const place = (at: number) => new Float32Array(packed.buffer, packed.byteOffset + at + 4 * quad * count, count);
  const [scales, minimums] = [place(scales_at), place(zeros_at)];
  for (let row = 0, at = 0; row < QUAD; row++) {
    for (let block = 0; block < blocks; block++, at += STORED.bytes) {
      const [d, dmin] = [f16At(bytes, at), f16At(bytes, at + 2)];
      for (let run = 0; run < STORED.runs; run++) {
        const to = (block * STORED.runs + run) * QUAD + row;
        scales[to] = d * scaleOfRun(bytes, at + STORED.scales, run);
        minimums[to] = -dmin * minimumOfRun(bytes, at + STORED.scales, run);
      }
    }
  }
}
