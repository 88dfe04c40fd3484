/** @file Block-quantised bytes → f32 on the host. */
import { WhittleError } from '../../errors/errors.ts';
import { blockOf, type QuantType } from '../dtype.ts';
import type { BlockDecoder } from './block_decoder.ts';
import { decodeIQ4_NL } from './iq4_nl.ts';
import { decodeIQ4_XS } from './iq4_xs.ts';
import { decodeMXFP4 } from './mxfp4.ts';
import { decodeNVFP4 } from './nvfp4.ts';
import { decodeQ1_0 } from './q1_0.ts';
import { decodeQ2_0, decodeQ2_0_G128 } from './q2_0.ts';
import { decodeQ2_K } from './q2_k.ts';
import { decodeQ3_K } from './q3_k.ts';
import { decodeQ4_0 } from './q4_0.ts';
import { decodeQ4_1 } from './q4_1.ts';
import { decodeQ4_K } from './q4_k.ts';
import { decodeQ5_0 } from './q5_0.ts';
import { decodeQ5_1 } from './q5_1.ts';
import { decodeQ5_K } from './q5_k.ts';
import { decodeQ6_K } from './q6_k.ts';
import { decodeQ8_0 } from './q8_0.ts';
import { decodeTQ1_0 } from './tq1_0.ts';
import { decodeTQ2_0 } from './tq2_0.ts';

const DECODERS: Readonly<Record<QuantType, BlockDecoder>> = {
  Q4_0: decodeQ4_0,
  Q4_1: decodeQ4_1,
  Q5_0: decodeQ5_0,
  Q5_1: decodeQ5_1,
  Q8_0: decodeQ8_0,
  Q2_K: decodeQ2_K,
  Q3_K: decodeQ3_K,
  Q4_K: decodeQ4_K,
  Q5_K: decodeQ5_K,
  Q6_K: decodeQ6_K,
  IQ4_NL: decodeIQ4_NL,
  IQ4_XS: decodeIQ4_XS,
  TQ1_0: decodeTQ1_0,
  TQ2_0: decodeTQ2_0,
  MXFP4: decodeMXFP4,
  NVFP4: decodeNVFP4,
  Q1_0: decodeQ1_0,
  Q2_0: decodeQ2_0,
  Q2_0_G128: decodeQ2_0_G128,
};

/** Values of whole blocks, in `target` where it is given. Throws `truncated_file` where the bytes are no whole number of blocks. */
export function dequantize(bytes: Uint8Array, dtype: QuantType, target?: Float32Array): Float32Array {
  const block = blockOf(dtype);
  if (bytes.byteLength % block.bytes !== 0) {
    throw new WhittleError({
      code: 'truncated_file',
      message: `${bytes.byteLength} bytes were read for ${dtype} blocks of ${block.bytes} bytes.`,
      allowed: `a multiple of ${block.bytes} bytes`,
    });
  }
  const decode = DECODERS[dtype];
  const blocks = bytes.byteLength / block.bytes;
  const out = target ?? new Float32Array(blocks * block.elements);
  for (let i = 0; i < blocks; i++) decode(bytes, i * block.bytes, out, i * block.elements);
  return out;
}
