/**
 * @file What is measured of a decomposition of some hundred rows, on two threads: its certificate on one, the energy that its first
 * columns keep on the other. One wait for another thread in place of one for each thin product, which takes no longer than the wait.
 */
import { certificateOf, frobenius, type Measured, type MeasuredCertificate, measureByProbes } from './certificate.ts';
import type { AddProduct } from './gemm.ts';
import { keptEnergyBound } from './kept_energy.ts';
import { type DecompositionFigures, type Room, runShared } from './shared_work.ts';
import { KERNEL_SCRATCH } from './vector_kernel.ts';

/** Rows up to which the products are too small to be shared one by one. */
const SMALL = 1024;
/** Numbers of what is measured; then come those of a kernel. */
const FIGURES = 4;

export function measuresTogether(n: number, multiply: AddProduct): boolean {
  return multiply.share !== undefined && n <= SMALL;
}

/** Either, or both: 0 is the certificate, 1 the norm and the bound. */
export function measureFigures(task: DecompositionFigures, start: number, end: number, multiply: AddProduct): void {
  const { covariance: H, eigenvalues, eigenvectors: Q, n, dimension, leading, figures } = task;
  if (start === 0) {
    const { orthogonality_error, residual_norm } = measureByProbes(H, eigenvalues, Q, n, multiply);
    figures.set([orthogonality_error, residual_norm]);
  }
  if (end === 2) {
    // The norm, too: the bound takes less time than the certificate.
    figures[2] = frobenius(H, multiply, figures.subarray(FIGURES));
    figures[3] = keptEnergyBound(H, eigenvalues, Q, n, dimension, leading, multiply);
  }
}

/**
 * @param given Arrays that all threads reach. @param ulp Of the type that the eigenvectors are stored in.
 * @returns The certificate by probes, and `keptEnergyBound`.
 */
export function figuresTogether(
  given: Omit<DecompositionFigures, 'figures'>,
  ulp: number,
  held: Room,
  multiply: AddProduct,
): { certificate: MeasuredCertificate; loss: number } {
  const { n } = given;
  const figures = held.take(FIGURES + KERNEL_SCRATCH);
  runShared(multiply, 'decomposition_figures', measureFigures, { ...given, figures }, [0, 1, 2], 4 * n * n);
  const [orthogonality_error, residual_norm, norm, loss] = figures;
  const measured: Measured = { orthogonality_error, residual_norm };
  return { certificate: certificateOf(measured, norm, n, ulp, 'probes'), loss };
}
