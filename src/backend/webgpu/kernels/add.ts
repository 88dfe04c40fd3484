/** @file output = a + b; see shaders/add.wgsl. In place where `output` is `a`. */

import source from '../../../../shaders/add.wgsl?raw';
import inPlaceSource from '../../../../shaders/add_in_place.wgsl?raw';
import type { AddArgs } from '../../backend.ts';
import { checkAdd } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const addKernel = defineKernel({
  name: 'add',
  source,
  storage: { a: 'read', b: 'read', output: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => elements,
});

export const addInPlaceKernel = defineKernel({
  name: 'add_in_place',
  source: inPlaceSource,
  storage: { b: 'read', a: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => elements,
});

export function add(context: GpuContext, args: AddArgs): void {
  const { elements } = checkAdd(args);
  const { a, b, output } = args;
  if (output === a) addInPlaceKernel(context, { a, b, elements });
  else addKernel(context, { a, b, output, elements });
}
