/** @file The loops over matrices with two of every four inputs stored, as functions of JavaScript. */
import { assemble, memoryKind } from '../linalg/wasm_module.ts';
import { dotSparse } from './sparse_dot.ts';
import type { SparseLayout } from './sparse_layout.ts';
import { unpackSparse } from './sparse_panel.ts';

/** All addresses are in bytes. */
export interface SparseKernel {
  /**
   * y[i] = x · row i, from address y on while it is below `y_end`, four at a time.
   * @param x_end Behind the row of inputs. @param table Of swizzles.
   */
  dot_sparse(y: number, y_end: number, values: number, places: number, x: number, x_end: number, table: number): void;
  /** Four columns of a panel from `out` on, while it is below `out_end`. */
  unpack_sparse(out: number, out_end: number, values: number, places: number): void;
  unpack_sparse_wide(out: number, out_end: number, values: number, places: number): void;
}

export function createSparseKernel(floats: SparseLayout['floats'], memory: WebAssembly.Memory): SparseKernel {
  const functions = [dotSparse(floats), unpackSparse(floats, 'narrow'), unpackSparse(floats, 'wide')];
  const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as SparseKernel;
}
