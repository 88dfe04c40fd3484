/** @file CPU twin of `write_rows`, also the wasm backend's: rows into a larger matrix, in place. */
import type { WriteRowsArgs } from '../backend.ts';
import { checkWriteRows } from '../shapes.ts';
import { floats } from './tensor.ts';

export function write_rows(args: WriteRowsArgs): void {
  const { columns } = checkWriteRows(args);
  floats(args.output).set(floats(args.source), args.first_row * columns);
}
