/**
 * @file What the kernels of matmul, matmul_bt and matmul_at are defined by: a register-tiled one over vec4, its twins with
 * workgroup memory and with larger tiles for software adapters, and a plain one for sizes that are no multiples of 4.
 */
import type { GpuTensor } from '../buffers.ts';
import type { GpuContext } from '../context.ts';
import type { FragmentName } from '../fragments.ts';
import { defineKernel, type KernelDefinition } from '../kernel.ts';

/** Rows and columns of output that one thread of a tiled kernel computes. */
const TILE = 8;

/** Columns of output that one workgroup of a panel kernel computes, and rows at most. */
export const PANEL_COLUMNS = 32;
const PANEL_ROWS = 256;
/** Workgroups that a product is cut into where its rows allow it, for processors with that many cores. */
const PANEL_GROUPS = 16;
/** Fewer rows are not worth loading the right side anew. */
const LEAST_PANEL_ROWS = 64;

const params = {
  ...({ m: 'u32', n: 'u32', k: 'u32' } as const),
  ...({ a_stride: 'u32', b_stride: 'u32', output_stride: 'u32', accumulate: 'u32', factors: 'u32' } as const),
} as const;
/** What a multiply-add of the kernels for any size costs in those of a tile: two loads for each (15 on SwiftShader). */
export const ANY_WORK = 8;

/** One dispatch; a kernel takes of it what its definition names. */
export type MatmulCall = Record<keyof typeof params, number> &
  Record<'a' | 'b' | 'row_scale' | 'gate' | 'output', GpuTensor>;

export interface MatmulKernel {
  readonly definition: KernelDefinition;
  (context: GpuContext, call: MatmulCall, overrides?: Readonly<Record<string, number>>): void;
}

/** How the kernels of a form store what they computed. */
export interface Stores {
  readonly storage: KernelDefinition['storage'];
  readonly overrides: Readonly<Record<string, number>>;
  /** The fragments that bind the operands and give `store`, over vec4 and over any sizes. */
  readonly vec4: readonly FragmentName[];
  readonly any: readonly FragmentName[];
}

/** As it is, or added to what is there. */
export const PLAIN_STORES: Stores = {
  storage: { a: 'read', b: 'read', output: 'read_write' },
  overrides: {},
  vec4: ['matmul_vec4'],
  any: ['matmul_f32'],
};

/** Of `params.factors`: FACTOR_* of shaders/common/matmul_factor_counts.wgsl. */
export const FACTOR = { row_scale: 1, gate: 2 } as const;
/** The override that leaves a factor to `params.factors`. */
export const BY_PARAMS = 2;

/** With the factors of `MatmulBtArgs`. */
export const FACTOR_STORES: Stores = {
  storage: { a: 'read', b: 'read', row_scale: 'read', gate: 'read', output: 'read_write' },
  overrides: { HAS_ROW_SCALE: 0, HAS_GATE: 0, ACTIVATION: 0 },
  vec4: ['matmul_bt_vec4', 'matmul_factors', 'matmul_factor_counts', 'activations'],
  any: ['matmul_factors', 'activations'],
};

type Definition<O extends Record<string, number>> = Pick<KernelDefinition, 'name' | 'source' | 'common'> & {
  overrides: O;
  grid: (params: { m: number; n: number }, overrides: O) => readonly [x: number, y: number];
};

function define<O extends Record<string, number>>(
  stores: Stores,
  definition: Definition<O>,
  macWork = 1,
): MatmulKernel {
  const { storage } = stores;
  const overrides = { ...definition.overrides, ...stores.overrides };
  const common = [...(definition.common ?? []), 'matmul_params' as const];
  const work = ({ m, n, k }: { m: number; n: number; k: number }) => macWork * m * n * k;
  return defineKernel({ ...definition, common, storage, params, overrides, work }) as unknown as MatmulKernel;
}

/** @param operands The fragments that give `left` and `right`, for one step of the tile. */
export function defineTiled(name: string, source: string, operands: readonly FragmentName[], stores = PLAIN_STORES) {
  return define(stores, {
    name,
    source,
    common: ['tile_8x8', ...operands, ...stores.vec4],
    overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8 },
    grid: gridOf(TILE),
  });
}

/** The same tiles with both sides in workgroup memory. */
export function defineShared(name: string, source: string, operands: readonly FragmentName[], stores = PLAIN_STORES) {
  return define(stores, {
    name,
    source,
    common: ['tile_8x8_shared', ...operands, ...stores.vec4],
    overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8, K_STEP: 2 },
    grid: gridOf(TILE),
  });
}

/** Columns of panels, and rows among which workgroups share them: as many as a few processors want. */
export function panelGrid({ m, n }: { m: number; n: number }): readonly [x: number, y: number] {
  const x = Math.ceil(n / PANEL_COLUMNS);
  const most = Math.ceil(m / LEAST_PANEL_ROWS);
  return [x, Math.max(Math.ceil(m / PANEL_ROWS), Math.min(most, Math.ceil(PANEL_GROUPS / x)))];
}

/**
 * Rows go by while some steps of the right side stay in registers: shaders/common/row_panel.wgsl.
 * @param operands The fragments that bind the operands, and give both sides.
 */
export function definePanel(name: string, source: string, operands: readonly FragmentName[], stores = PLAIN_STORES) {
  return define(stores, {
    name,
    source,
    common: ['row_panel', 'plus', 'panel_store', ...operands],
    overrides: { WORKGROUP_SIZE: PANEL_COLUMNS / 8 },
    grid: panelGrid,
  });
}

export function defineAny(name: string, source: string, stores = PLAIN_STORES) {
  const overrides = { WORKGROUP_X: 8, WORKGROUP_Y: 8 };
  return define(stores, { name, source, common: stores.any, overrides, grid: gridOf(1) }, ANY_WORK);
}

/** Workgroups whose threads each compute a square of output. */
function gridOf(size: number) {
  return (
    { m, n }: { m: number; n: number },
    { WORKGROUP_X, WORKGROUP_Y }: { WORKGROUP_X: number; WORKGROUP_Y: number },
  ) => [Math.ceil(n / (size * WORKGROUP_X)), Math.ceil(m / (size * WORKGROUP_Y))] as const;
}
