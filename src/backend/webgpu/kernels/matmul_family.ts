/**
 * @file What matmul, matmul_bt and matmul_at share: a register-tiled kernel over vec4 for sizes and strides that are
 * multiples of 4, and a plain one for all others.
 */
import type { MatmulArgs } from '../../backend.ts';
import type { MatmulSizes } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';

/** Rows and columns of output that one thread of a tiled kernel computes. */
const TILE = 8;

const storage = { a: 'read', b: 'read', output: 'read_write' } as const;
const params = { m: 'u32', n: 'u32', k: 'u32', a_stride: 'u32', b_stride: 'u32' } as const;
const work = ({ m, n, k }: { m: number; n: number; k: number }) => m * n * k;

export function defineTiled(name: string, source: string) {
  return defineKernel({
    name,
    source,
    storage,
    params,
    overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8 },
    grid: ({ m, n }, { WORKGROUP_X, WORKGROUP_Y }) => [
      Math.ceil(n / (TILE * WORKGROUP_X)),
      Math.ceil(m / (TILE * WORKGROUP_Y)),
    ],
    work,
  });
}

export function defineAny(name: string, source: string) {
  return defineKernel({
    name,
    source,
    storage,
    params,
    overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8 },
    grid: ({ m, n }, { WORKGROUP_X, WORKGROUP_Y }) => [Math.ceil(n / WORKGROUP_X), Math.ceil(m / WORKGROUP_Y)],
    work,
  });
}

type MatmulKernel = ReturnType<typeof defineTiled>;

/** Dispatches `tiled` where every number of `vectorised` is a multiple of 4, else `any`. */
export function dispatchMatmul(
  context: GpuContext,
  { tiled, any }: { tiled: MatmulKernel; any: MatmulKernel },
  { a, b, output }: MatmulArgs,
  sizes: MatmulSizes,
  vectorised: readonly number[],
): void {
  const kernel = vectorised.every((size) => size % 4 === 0) ? tiled : any;
  kernel(context, { a, b, output, ...sizes });
}
