/**
 * @file What becomes of a product's blocks before they leave the product's memory: scaled by rows, gated, added to what the
 * output holds. The output is then passed over once, by the thread that computes it, instead of once more for each step. Gates and
 * outputs that lie in that memory are read and written where they are.
 */
import type { ActivationName } from '../backend.ts';
import { ACTIVATIONS } from '../cpu/activations.ts';
import type { ProductBlock } from '../linalg/panel_product.ts';
import {
  assemble,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  memoryKind,
  onward,
  simd,
  V128,
  v128Load,
  v128Store,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { gatedSilu } from './gate_functions.ts';
import { F32X4_ADD, F32X4_MUL } from './vector_exp.ts';

/** Plain data, as a task must be. */
export interface Epilogue {
  /** (m): one factor a row. */
  row_scale?: Float32Array;
  /** (m, n): the product is multiplied by act(gate). */
  gate?: Float32Array;
  activation?: ActivationName;
  /** The product is added to the output. */
  accumulate?: boolean;
}

export const needsEpilogue = (task: Epilogue) => Boolean(task.row_scale || task.gate || task.accumulate);

const loadSplat = [...simd(0x09), 2, 0];

/** x ← x · the number at `factor`, from address x on while it is below `end`. */
function scaling(): WasmFunction {
  const [x, end, factor, value] = [0, 1, 2, 3];
  const code = [
    ...[...localGet(factor), ...loadSplat, ...localSet(value)],
    ...loopBelow(x, i32Const(16), end, [
      ...[...localGet(x), ...localGet(x), ...v128Load(), ...localGet(value), ...F32X4_MUL, ...v128Store()],
    ]),
  ];
  return { name: 'scale', parameters: 3, locals: [[1, V128]], code };
}

/** out ← x + y; out may be either. */
function addition(): WasmFunction {
  const [x, end, y, out] = [0, 1, 2, 3];
  const code = loopBelow(x, i32Const(16), end, [
    ...[...localGet(out), ...localGet(y), ...v128Load(), ...localGet(x), ...v128Load(), ...F32X4_ADD, ...v128Store()],
    ...onward(y, out),
  ]);
  return { name: 'add', parameters: 4, locals: [], code };
}

interface Exports {
  scale(x: number, end: number, factor: number): void;
  gated_silu(x: number, end: number, y: number, out: number): void;
  add(x: number, end: number, y: number, out: number): void;
}

export class EpilogueKernel {
  private readonly exports: Exports;
  private heap: Float32Array;

  /**
   * @param memory Of the products.
   * @param holds Whether an array of this buffer lies in it.
   */
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly holds: (values: Float32Array) => boolean,
  ) {
    const module = new WebAssembly.Module(assemble([scaling(), gatedSilu(), addition()], memoryKind(memory)));
    this.exports = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
    this.heap = new Float32Array(memory.buffer);
  }

  /**
   * Changes a block in place, or adds it to the output.
   * @param output (m, n) as it was. @param row Of the output, where the product's first is; `column` likewise.
   * @returns Whether the output has the result already.
   */
  apply(
    { row_scale, gate, activation, accumulate }: Epilogue,
    block: ProductBlock,
    output: Float32Array,
    n: number,
    row: number,
    column: number,
  ): boolean {
    // Blocks may lie in what the memory has grown by.
    if (this.heap.buffer !== this.memory.buffer) this.heap = new Float32Array(this.memory.buffer);
    const { heap, exports } = this;
    const { columns, scratch } = block;
    const x = 4 * scratch;
    // The last vector of a row may hold more than the row: what lies there is never written to the output.
    const end = x + 4 * columns;
    const isWhole = columns % 4 === 0;
    const isInOutput = Boolean(accumulate) && isWhole && this.holds(output);
    const isGateAtHand = gate !== undefined && isWhole && this.holds(gate);
    for (let r = 0; r < block.rows; r++) {
      const at = block.at + r * block.stride;
      const from = (row + block.row + r) * n + column + block.column;
      if (row_scale) {
        heap[scratch] = row_scale[row + block.row + r];
        exports.scale(4 * at, 4 * (at + columns), x);
      }
      if (gate && activation === 'silu' && isGateAtHand) {
        const states = gate.byteOffset + 4 * from;
        exports.gated_silu(states, states + 4 * columns, 4 * at, 4 * at);
      } else if (gate) {
        const states = gate.subarray(from, from + columns);
        if (activation === 'silu') {
          heap.set(states, scratch);
          exports.gated_silu(x, end, 4 * at, 4 * at);
        } else activated(activation as ActivationName, states, heap, at);
      }
      if (isInOutput) {
        const sums = output.byteOffset + 4 * from;
        exports.add(4 * at, 4 * (at + columns), sums, sums);
      } else if (accumulate) {
        heap.set(output.subarray(from, from + columns), scratch);
        exports.add(x, end, 4 * at, 4 * at);
      }
    }
    return isInOutput;
  }
}

function activated(name: ActivationName, states: Float32Array, heap: Float32Array, at: number): void {
  const act = ACTIVATIONS[name];
  for (let j = 0; j < states.length; j++) heap[at + j] *= act(states[j]);
}
