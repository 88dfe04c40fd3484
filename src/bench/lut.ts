/** @file LUT-GEMM beside the plain loops over packed matrices: one row, one thread, both with what they prepare of the inputs. */
import { createPackedKernel } from '../backend/wasm/packed_kernel.ts';
import { quantiseRow } from '../backend/wasm/packed_layout.ts';
import type { LutFigure, LutShape } from './figures.ts';
import { createLutKernel, LUT_BLOCK, TABLE_BYTES, writeTable } from './lut_kernel.ts';

/** Enough products for a timer's grain. */
const WEIGHTS_OF_A_ROUND = 1e7;
const ROUNDS = 12;
const WARM_UPS = 20;
const ALIGNMENT = 64;

/** Both read the same numbers as codes, in their own orders: which they are does not matter to the time. */
export function benchLut({ k, n, bits }: LutShape): LutFigure {
  const blocks = k / LUT_BLOCK;
  let end = ALIGNMENT;
  const place = (bytes: number) => {
    const at = end;
    end = Math.ceil((end + bytes) / ALIGNMENT) * ALIGNMENT;
    return at;
  };
  const at = {
    ...{ codes: place((n * k * bits) / 8), scales: place(2 * n * blocks), minimums: place(2 * n * blocks) },
    ...{
      inputs: place(2 * k),
      tables: place(TABLE_BYTES * blocks),
      factors: place(4 * blocks),
      sums: place(4 * blocks),
    },
    y: place(4 * n),
  };
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65536) });
  const codes = new Uint8Array(memory.buffer, at.codes, (n * k * bits) / 8);
  for (let i = 0; i < codes.length; i++) codes[i] = Math.imul(i, 2654435761) >>> 13;
  new Uint16Array(memory.buffer, at.scales, n * blocks).fill(0x2000);
  const x = Float32Array.from({ length: k }, (_, i) => Math.sin(i));
  const scales = new Float32Array(memory.buffer, at.factors, blocks);
  const sums = new Float32Array(memory.buffer, at.sums, blocks);
  const rows = { values: new Int16Array(memory.buffer, at.inputs, k), scales, sums };
  const tables = Array.from({ length: blocks }, (_, block) => {
    return new Uint8Array(memory.buffer, at.tables + block * TABLE_BYTES, TABLE_BYTES);
  });
  const plain = createPackedKernel({ bits, scale: 'F16', zero: 'minimum' }, memory);
  const lut = createLutKernel(bits, memory);
  const [y, y_end] = [at.y, at.y + 4 * n];
  const tabulate = () => {
    for (let block = 0; block < blocks; block++) scales[block] = writeTable(x, block * LUT_BLOCK, tables[block]);
  };
  const look = () => lut.dot_tiles(y, y_end, at.codes, at.scales, at.minimums, at.tables, at.factors, at.sums, blocks);
  const [plain_ms, lut_ms, lookups_ms] = inTurn(Math.ceil(WEIGHTS_OF_A_ROUND / (k * n)), [
    () => {
      quantiseRow(x, 0, k, bits, rows, 0);
      plain.dot_quads(y, y_end, at.codes, at.scales, at.minimums, 0, at.inputs, at.factors, at.sums, blocks, 1);
    },
    () => {
      tabulate();
      look();
    },
    look,
  ]);
  return { k, n, bits, plain_ms, lut_ms, ratio: plain_ms / lut_ms, lookups_ratio: plain_ms / lookups_ms };
}

/** The best of some rounds each. */
function inTurn(calls: number, work: readonly (() => void)[]): number[] {
  for (const run of work) for (let i = 0; i < WARM_UPS; i++) run();
  const best = work.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    work.forEach((run, i) => {
      const started = performance.now();
      for (let call = 0; call < calls; call++) run();
      best[i] = Math.min(best[i], (performance.now() - started) / calls);
    });
  }
  return best;
}
