/** What `npm run bench -- --node` prints; that its sections run is seen by running it. */
import { describe, expect, it } from 'vitest';
import { parseBenchOptions } from '../options.ts';
import type { NodeReport } from './figures.ts';
import { nodeTables } from './node.ts';

const REPORT: NodeReport = {
  adapter: {
    ...{ vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200', is_fallback_adapter: false },
    features: ['shader-f16', 'subgroups'],
  },
  node: 'v22.0.0',
  matmul: [{ product: 'cube', m: 512, k: 512, n: 512, gflops: 1234.6, bt_gflops: 98.76 }],
  kernels: [{ name: 'rms_norm', shape: '256×576', ms: 0.123 }],
  eigen: [],
  precision: [],
  failures: [{ section: 'eigen 64', error: 'the device was lost' }],
  seconds: 7,
};

describe('the bench in Node', () => {
  it('names the card, tells each section, and what could not be measured', () => {
    const told = nodeTables(REPORT);
    expect(told).toContain('NVIDIA H200, Node v22.0.0; 7 s');
    expect(told).not.toContain('software');
    expect(told).toMatch(/cube\s+512\s+512\s+512\s+1235\s+98\.8/);
    expect(told).toContain('the device was lost');
    const software = { ...REPORT.adapter, is_fallback_adapter: true };
    expect(nodeTables({ ...REPORT, adapter: software, failures: [] })).toContain('(software adapter)');
  });

  it('is asked for by name, small too', () => {
    expect(parseBenchOptions([])?.node).toBeUndefined();
    expect(parseBenchOptions(['--node', '--quick'])).toMatchObject({ node: true, quick: true });
  });
});
