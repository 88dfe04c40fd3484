/**
 * @file Floats of 4 bits (E2M1), two a byte, the first in the low half. NVFP4: blocks of 16 with a scale in F8 (E4M3) and one F32 for the
 * whole matrix, which ModelOpt multiplies by (`weight_scale_2`) and compressed-tensors divides by (`weight_global_scale`). MXFP4 (OCP
 * Microscaling 1.0): blocks of 32 with a power of two.
 */
import { decodeToFloat32 } from '../../../tensor/half.ts';
import type { RowRange, TensorInfo } from '../../checkpoint.ts';
import { decodeWide } from '../wide_floats.ts';
import { checkShape, type DecodedWeight, type PartReader, wrongPart } from './decoded.ts';

const MAGNITUDES = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
const VALUES = [...MAGNITUDES, ...MAGNITUDES.map((value) => -value)];

/** Names of a weight's codes: `weight` (ModelOpt), `weight_packed` (compressed-tensors), `weight_blocks` (gpt-oss' names). */
export async function fp4Weights(parts: PartReader): Promise<DecodedWeight[]> {
  const weights: DecodedWeight[] = [];
  for (const module of parts.modules('weight_packed')) {
    const codes = parts.get(`${module}.weight_packed`)!;
    if (codes.dtype === 'U8') weights.push(weight(parts, module, codes, `${module}.weight_scale`));
  }
  for (const module of parts.modules('weight')) {
    const codes = parts.get(`${module}.weight`)!;
    if (codes.dtype === 'U8') weights.push(weight(parts, module, codes, `${module}.weight_scale`));
  }
  for (const module of parts.modules('weight_blocks')) {
    const codes = parts.get(`${module}.weight_blocks`)!;
    if (codes.dtype === 'U8') weights.push(weight(parts, module, codes, `${module}.weight_scales`));
  }
  return weights;
}

function weight(parts: PartReader, module: string, codes: TensorInfo, scale: string): DecodedWeight {
  const [rows] = codes.shape;
  const bytes = codes.bytes / (rows || 1);
  const columns = 2 * bytes;
  const scales = parts.need(scale, ['F8_E4M3', 'U8', 'F8_E8M0'], codes.name);
  const isNv = scales.dtype === 'F8_E4M3';
  const block = isNv ? 16 : 32;
  const groups = columns / block;
  if (codes.shape.length === 3) checkShape(codes, [rows, groups, block / 2]);
  else if (codes.shape.length !== 2) throw wrongPart(codes, 'is no matrix', 'two codes a byte, (out, in / 2)');
  checkShape(scales, [rows, groups]);
  const global = isNv ? globalScale(parts, module, codes) : undefined;
  return {
    name: `${module}.weight`,
    shape: [rows, columns],
    label: isNv ? 'NVFP4' : 'MXFP4',
    parts: [codes, scales, ...(global ? [global] : [])],
    async rows(range: RowRange) {
      const stored = await parts.bytes(codes, range);
      const factors = decodeWide(await parts.bytes(scales, range), isNv ? 'F8_E4M3' : 'F8_E8M0');
      const whole = global ? decodeToFloat32(await parts.bytes(global), 'F32')[0] : 1;
      const factor = global?.name.endsWith('global_scale')
        ? (value: number) => value / whole
        : (value: number) => value * whole;
      const out = new Float32Array(2 * stored.length);
      for (let i = 0; i < out.length; i++) {
        const code = i & 1 ? stored[i >> 1] >> 4 : stored[i >> 1] & 15;
        out[i] = VALUES[code] * Math.fround(factor(factors[Math.floor(i / block)]));
      }
      return out;
    },
  };
}

function globalScale(parts: PartReader, module: string, codes: TensorInfo): TensorInfo {
  const names = [`${module}.weight_scale_2`, `${module}.weight_global_scale`];
  const found = parts.need(names.find((name) => parts.get(name)) ?? names[0], ['F32'], codes.name);
  checkShape(found, [], [1]);
  return found;
}
