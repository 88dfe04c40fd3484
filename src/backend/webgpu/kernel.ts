/**
 * @file `defineKernel`: a WGSL file and the names that the host binds to it, as data. Storage bindings are
 * `@group(0)`, in the order written here; parameters are one uniform struct in `@group(1)`, 4-byte scalars in the order
 * written here. A test holds every WGSL file against its definition.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Tensor } from '../backend.ts';
import { asGpuTensor, type GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import type { FragmentName } from './fragments.ts';
import type { ScalarType } from './uniforms.ts';

export type Access = 'read' | 'read_write';

/**
 * Workgroups: a number is a line of workgroups that is folded into x and y where it exceeds the limit of a dimension
 * (the kernel computes `workgroup_id.x + workgroup_id.y * num_workgroups.x`); a pair or triple is taken as it is.
 */
export type Grid = number | readonly [x: number, y: number, z?: number];

export interface KernelDefinition<
  S extends Record<string, Access> = Record<string, Access>,
  P extends Record<string, ScalarType> = Record<string, ScalarType>,
  O extends Record<string, number> = Record<string, number>,
> {
  readonly name: string;
  /** The kernel's own WGSL file, with the one entry point `main`. */
  readonly source: string;
  /** What it uses of `shaders/common/`. */
  readonly common?: readonly FragmentName[];
  readonly storage: S;
  /** May be empty: then there is no `@group(1)`. */
  readonly params: P;
  /** Defaults of the WGSL `override` constants. */
  readonly overrides: O;
  readonly grid: (params: { [K in keyof P]: number }, overrides: O) => Grid;
  /** Rough count of multiply-adds, which decides when a batch is long enough to submit. */
  readonly work?: (params: { [K in keyof P]: number }, overrides: O) => number;
}

export interface Kernel<
  S extends Record<string, Access> = Record<string, Access>,
  P extends Record<string, ScalarType> = Record<string, ScalarType>,
  O extends Record<string, number> = Record<string, number>,
> {
  readonly definition: KernelDefinition<S, P, O>;
  /** Enqueues one dispatch. Tensors and parameters are given by the names of the definition. */
  (context: GpuContext, args: { [K in keyof S]: Tensor } & { [K in keyof P]: number }, overrides?: Partial<O>): void;
}

export function defineKernel<
  const S extends Record<string, Access>,
  const P extends Record<string, ScalarType>,
  O extends Record<string, number>,
>(definition: KernelDefinition<S, P, O>): Kernel<S, P, O> {
  const storageNames = Object.keys(definition.storage);
  const paramNames = Object.keys(definition.params);
  if (storageNames.length > 8) {
    throw new WhittleError({
      code: 'internal',
      message: `The kernel ${definition.name} binds ${storageNames.length} storage buffers.`,
      allowed: '8, which every WebGPU device has',
    });
  }
  const run = (
    context: GpuContext,
    args: { [K in keyof S]: Tensor } & { [K in keyof P]: number },
    overrides?: Partial<O>,
  ): void => {
    const given = args as unknown as Record<string, Tensor | number>;
    const tensors: GpuTensor[] = storageNames.map((name) => asGpuTensor(given[name] as Tensor));
    const params: Record<string, number> = {};
    for (const name of paramNames) params[name] = given[name] as number;
    const constants = overrides ? { ...definition.overrides, ...overrides } : definition.overrides;
    context.dispatch(definition as unknown as KernelDefinition, tensors, params, constants);
  };
  return Object.assign(run, { definition });
}
