/** @file The shapes that matrix kernels are tried in. */

/** Which kernel computes a product where the wide tiles do not, and in which shape: chosen by `autotune.ts`. */
export type MatmulVariant =
  | { kernel: 'tiled'; WORKGROUP_X: number; WORKGROUP_Y: number }
  | { kernel: 'shared'; WORKGROUP_X: number; WORKGROUP_Y: number; K_STEP: number };

export const DEFAULT_VARIANT: MatmulVariant = { kernel: 'tiled', WORKGROUP_X: 8, WORKGROUP_Y: 8 };

/** Shapes of the register tile: threads across and down a workgroup. */
const TILED: readonly (readonly [number, number])[] = [
  [8, 8],
  [16, 4],
  [4, 16],
  [8, 4],
  [16, 8],
  [8, 16],
  [16, 16],
];

/** With blocks of k; at most 16 KiB of workgroup memory: 128·(x + y)·K_STEP bytes. */
const SHARED: readonly (readonly [number, number, number])[] = [
  [8, 8, 1],
  [8, 8, 2],
  [8, 8, 4],
  [16, 8, 2],
  [8, 16, 2],
  [16, 16, 1],
  [16, 16, 2],
  [16, 16, 4],
];

/** All variants, the default first; a workgroup has at most 256 threads. */
export const MATMUL_VARIANTS: readonly MatmulVariant[] = [
  ...TILED.map(([WORKGROUP_X, WORKGROUP_Y]) => ({ kernel: 'tiled', WORKGROUP_X, WORKGROUP_Y }) as const),
  ...SHARED.map(
    ([WORKGROUP_X, WORKGROUP_Y, K_STEP]) => ({ kernel: 'shared', WORKGROUP_X, WORKGROUP_Y, K_STEP }) as const,
  ),
];

export function describeVariant(variant: MatmulVariant): string {
  const { kernel, WORKGROUP_X, WORKGROUP_Y } = variant;
  return `${kernel} ${WORKGROUP_X}×${WORKGROUP_Y}${variant.kernel === 'shared' ? ` k${4 * variant.K_STEP}` : ''}`;
}
