/** @file The loops over packed matrices, for one form of packing, as functions of JavaScript. */
import { assemble, memoryKind } from '../linalg/wasm_module.ts';
import { codesToBytes } from './byte_panels.ts';
import { dotQuads } from './packed_dot.ts';
import type { PackedForm } from './packed_layout.ts';
import { unpackQuad } from './packed_panel.ts';

type UnpackQuad = (
  out: number,
  codes: number,
  scales: number,
  zeros: number,
  zero_bit: number,
  blocks: number,
  group: number,
  first: number,
) => void;

/** All addresses are in bytes. A row has `blocks` blocks of 32 inputs, of which `group` share a scale. */
export interface PackedKernel {
  /** y[i] = x · row i, from address y on while it is below `y_end`, four at a time. */
  dot_quads(
    y: number,
    y_end: number,
    codes: number,
    scales: number,
    zeros: number,
    zero_bit: number,
    x: number,
    x_scales: number,
    x_sums: number,
    blocks: number,
    group: number,
  ): void;
  /** Four columns of a panel from `out` on; `first` blocks are left of the first group. */
  unpack_quad: UnpackQuad;
  unpack_quad_wide: UnpackQuad;
  /** The same of bytes, where codes are of fewer than 8 bits. */
  codes_to_bytes_narrow: UnpackQuad;
  codes_to_bytes_wide: UnpackQuad;
}

export function createPackedKernel(form: PackedForm, memory: WebAssembly.Memory): PackedKernel {
  const { bits } = form;
  const functions = [
    ...[dotQuads(form), unpackQuad(form, 'narrow'), unpackQuad(form, 'wide')],
    ...(bits === 8 ? [] : (['narrow', 'wide'] as const).map((width) => codesToBytes({ ...form, bits }, width))),
  ];
  const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as PackedKernel;
}
