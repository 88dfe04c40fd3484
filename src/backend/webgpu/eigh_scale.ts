/** @file What both eigensolvers do with the largest entry, whose bits jacobi_scan finds: scale by it, refuse NaN and infinity. */
import { WhittleError } from '../../errors/errors.ts';

const INFINITY_BITS = 0x7f800000;

/** @param bits Of the largest |entry|; NaN lies above infinity. */
export function isFinite32(bits: number): boolean {
  return bits < INFINITY_BITS;
}

/** What eigenvalues are multiplied by, after the largest entry was scaled into [1, 2). */
export function scaleOf(bits: number): number {
  return 2 ** ((bits >>> 23) - 127);
}

export function nonFinite(label: string): WhittleError {
  return new WhittleError({
    code: 'non_finite_activations',
    message: 'A matrix to decompose holds NaN or infinite entries.',
    place: { tensor: label },
    allowed: 'finite numbers',
    action: 'Activations overflowed: check the weights of the model, or calibrate with another text.',
  });
}
