/** @file CPU twin of `eigh`: Householder reduction and divide and conquer in f64. */
import type { EighArgs } from '../backend.ts';
import { type SymmetricEigen, symmetricEigen } from '../linalg/symmetric_eigen.ts';
import { checkEigh } from '../shapes.ts';
import { doubles } from './tensor.ts';

export const EIGH_SOLVER = 'householder-dc-f64';

export async function eigh(args: EighArgs): Promise<SymmetricEigen> {
  const { n, wanted } = checkEigh(args);
  return symmetricEigen(doubles(args.covariance), n, args.signal, undefined, wanted);
}
