/**
 * @file Rows of a quantised table in ONNX's own operators. `com.microsoft` has GatherBlockQuantized for it, but the CPU
 * provider of onnxruntime-web's asyncify build, which transformers.js runs, lacks it, and other runtimes do not know it.
 */
import { blocksOf } from '../quantize/blocks.ts';
import { zeroPointBytes } from '../quantize/pack.ts';
import type { QuantizedRef } from '../quantize/quantized_ref.ts';
import type { GraphBuilder, Value } from './builder.ts';

/**
 * (code − zero_point) · scale of the rows `ids`, int64 (B, S): f32 (B, S, columns). The initialisers are those that
 * MatMulNBits reads, so that a tied head shares them.
 */
export function gatherDequantized(
  builder: GraphBuilder,
  weight: QuantizedRef,
  ids: Value,
  scope: string,
  name: string,
): Value {
  const { codes, scales, zero_points } = builder.quantizedWeight(weight, name);
  const { bits, columns, block_size } = weight.quantized;
  const blocks = blocksOf(columns, block_size);
  const rowsOf = (table: Value, part: string) => builder.node('Gather', `${scope}/${part}/Gather`, [table, ids]);
  const unpackedRows = (table: Value, part: string) =>
    unpack(builder, builder.cast(`${scope}/${part}/Cast`, rowsOf(table, part), 'FLOAT'), bits, `${scope}/${part}`);
  const shaped = (values: Value, sizes: readonly number[], part: string) =>
    builder.node('Reshape', `${scope}/${part}Reshape`, [values, builder.ints([0, 0, ...sizes])]);

  const zeros = (): Value => {
    if (!zero_points) return builder.scalar(2 ** (bits - 1));
    const part = 'zero_points/';
    const bytes = zeroPointBytes(bits, blocks);
    const table = builder.node('Reshape', `${scope}/${part}Table`, [zero_points, builder.ints([-1, bytes])]);
    const whole = (bytes * 8) / bits;
    const flat = shaped(unpackedRows(table, 'zero_points'), [whole], part);
    const own = whole === blocks ? flat : firstColumns(builder, flat, blocks, `${scope}/zero_points`);
    return shaped(own, [blocks, 1], part);
  };
  const found = shaped(unpackedRows(codes, 'codes'), [blocks, block_size], 'codes/');
  const centered = builder.node('Sub', `${scope}/Sub`, [found, zeros()]);
  const steps = shaped(rowsOf(scales, 'scales'), [blocks, 1], 'scales/');
  const values = builder.node('Mul', `${scope}/Mul`, [centered, steps]);
  const rows = shaped(values, [blocks * block_size], '');
  // A row's last block is padded.
  return blocks * block_size === columns ? rows : firstColumns(builder, rows, columns, scope);
}

/**
 * Codes of `bits` bits from bytes that are floats already: (…, n) → (…, n, 8 ∕ bits), the lowest bits first; with 8 bits
 * (…, n) as it is. Quotients by powers of two, rounded down, are exact, and every provider has them.
 */
function unpack(builder: GraphBuilder, bytes: Value, bits: number, scope: string): Value {
  if (bits === 8) return bytes;
  const last = builder.ints([-1]);
  const parts: Value[] = [];
  for (let rest = bytes, shift = bits; shift <= 8; shift += bits) {
    // The highest code is what is left.
    const higher = shift < 8 ? quotient(builder, rest, 2 ** bits, scope) : undefined;
    const code = higher ? remainder(builder, rest, higher, 2 ** bits, scope) : rest;
    parts.push(builder.node('Unsqueeze', `${scope}/Unsqueeze`, [code, last]));
    rest = higher ?? rest;
  }
  return builder.concat(`${scope}/Concat`, parts, -1);
}

function quotient(builder: GraphBuilder, value: Value, divisor: number, scope: string): Value {
  const share = builder.node('Mul', `${scope}/Mul`, [value, builder.scalar(1 / divisor)]);
  return builder.node('Floor', `${scope}/Floor`, [share]);
}

function remainder(builder: GraphBuilder, value: Value, quotient: Value, divisor: number, scope: string): Value {
  const whole = builder.node('Mul', `${scope}/Mul`, [quotient, builder.scalar(divisor)]);
  return builder.node('Sub', `${scope}/Sub`, [value, whole]);
}

function firstColumns(builder: GraphBuilder, values: Value, count: number, scope: string): Value {
  const [start, end, axis] = [0, count, -1].map((value) => builder.ints([value]));
  return builder.node('Slice', `${scope}/Slice`, [values, start, end, axis]);
}
