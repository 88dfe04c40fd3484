/** @file What an adapter's float arithmetic does; see shaders/self_test.wgsl and self_test.ts. */
import source from '../../../../shaders/self_test.wgsl?raw';
import { defineKernel } from '../kernel.ts';

/** Words of `found` for each row of `cases`. */
export const SELF_TEST_WORDS = 8;

export const selfTestKernel = defineKernel({
  name: 'self_test',
  source,
  storage: { cases: 'read', found: 'read_write' },
  params: { count: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ count }, { WORKGROUP_SIZE }) => Math.ceil(count / WORKGROUP_SIZE),
});
