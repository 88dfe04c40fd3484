import { describe, expect, it } from 'vitest';
import type { BackendInfo } from '../../engine/protocol.ts';
import { capabilityGroups, capabilityText, type PageCapabilities } from './capabilities.ts';

const page: PageCapabilities = {
  isolated: false,
  threads: 4,
  browser: 'Mozilla/5.0',
  offline: 'later',
  opfs: 'yes',
  persisted: false,
  quota: '1 MB of 2 GB',
};
const webgpu: BackendInfo = {
  kind: 'webgpu',
  vendor: 'acme',
  architecture: 'rdna',
  description: '',
  isFallbackAdapter: false,
  maxTensorBytes: 1,
  capabilities: {
    features: ['shader-f16', 'subgroups'],
    limits: { maxBufferSize: 2 ** 30, maxStorageBuffersPerShaderStage: 8 },
    subgroups: [32, 64],
    floats: {
      fma_fused: true,
      contracts: false,
      subnormals_kept: false,
      nan_differs_from_itself: false,
      nan_by_bits: true,
      nan_survives_max: false,
      division_ulp: 0.5,
      sqrt_ulp: 1.2,
      integer_sum: true,
      float_sum: false,
      summation: 'integer',
      ms: 3.4,
    },
  },
};

describe('capabilityText', () => {
  it('has every group and fact on a line', () => {
    const text = capabilityText(capabilityGroups(webgpu, page));
    expect(text).toContain('Computes on\n  Backend: WebGPU\n  Adapter: acme rdna\n  Software adapter: no');
    expect(text).toContain('  16-bit floats: yes\n  Subgroups: 32 to 64 lanes\n  maxBufferSize: 1.07 GB');
    expect(text).toContain('  maxStorageBuffersPerShaderStage: 8');
    expect(text).toContain('  Covariances are summed: in pairs, by integers');
    expect(text).toContain('  Pairs by floats are exact: no');
    expect(text).toContain('  Subnormal numbers: flushed to zero');
    expect(text).toContain('  Storage is kept: until space is short');
    expect(text).toContain('  Without a network: works from the next visit on');
  });

  it.each([
    [
      { name: 'tiled 16×8', chosen_by: 'measurement', times_default: 1.68, multiply_adds_per_second: 4.13e11 },
      'tiled 16×8, chosen by measurement on this adapter (1.7 × the default)\n  Reached by it: 830 GFLOP/s\n',
    ],
    [
      { name: 'tiled 8×8', chosen_by: 'measurement', times_default: 1, multiply_adds_per_second: 2e12 },
      'tiled 8×8, the default, fastest by measurement on this adapter\n  Reached by it: 4000 GFLOP/s\n',
    ],
    [{ name: 'tiled 8×8', chosen_by: 'default' }, 'tiled 8×8, the default, not measured\nOffers'],
    [
      { name: 'subgroup panels ×32', chosen_by: 'software adapter' },
      'subgroup panels ×32, for software adapters\nOffers',
    ],
  ] as const)('tells the kernel of matrix products, and why it is that one: %o', (matmul_variant, told) => {
    const capabilities = { ...webgpu.capabilities!, matmul_variant };
    const text = capabilityText(capabilityGroups({ ...webgpu, capabilities }, page));
    expect(text).toContain(`  Matrix product: ${told}`);
  });

  it('says so where the arithmetic could not be tried', () => {
    const { floats: _, ...capabilities } = webgpu.capabilities!;
    const text = capabilityText(capabilityGroups({ ...webgpu, capabilities }, page));
    expect(text).toContain('  Test: could not run\n  Covariances are summed: in pairs, by integers');
  });

  it('speaks of the browser alone where no backend has started, and of no adapter on the CPU', () => {
    expect(capabilityGroups(null, page).map(({ title }) => title)).toEqual(['Browser']);
    const { capabilities: _, ...cpu } = { ...webgpu, kind: 'cpu' as const, description: 'one thread' };
    expect(capabilityGroups(cpu, page).map(({ title }) => title)).toEqual(['Computes on', 'Browser']);
    expect(capabilityText(capabilityGroups(cpu, page))).toContain('  Processor: one thread');
  });
});
