import { describe, expect, it } from 'vitest';
import { encodeFromFloat } from '../../tensor/half.ts';
import { createCpuBackend } from './cpu_backend.ts';

describe('memory', () => {
  it('is counted in allocated bytes, with its peak, and given back once', () => {
    const backend = createCpuBackend();
    const matrix = backend.empty([3, 5], 'matrix');
    const ids = backend.fromIds([1, 2, 3], 'ids');
    expect(backend.memory.currentBytes).toBe(15 * 8 + 3 * 4);
    matrix.dispose();
    matrix.dispose();
    expect(backend.memory).toMatchObject({ currentBytes: 12, peakBytes: 132 });
    ids.dispose();
    expect(backend.memory.currentBytes).toBe(0);
  });

  it('is all free after dispose', () => {
    const backend = createCpuBackend();
    const matrix = backend.empty([3, 5], 'matrix');
    backend.emptyIds(4, 'ids');
    backend.dispose();
    expect(backend.memory.currentBytes).toBe(0);
    expect(() => backend.copy(matrix, backend.empty([15], 'other'))).toThrowError(
      expect.objectContaining({ code: 'internal', place: { tensor: 'matrix' } }),
    );
  });

  it('refuses a tensor above the limit', () => {
    expect(() => createCpuBackend().empty([2 ** 16, 2 ** 16], 'huge')).toThrowError(
      expect.objectContaining({ code: 'limit_exceeded', place: { tensor: 'huge' } }),
    );
  });
});

describe('tensors', () => {
  it('start as zeros and take a copy of what they are given', async () => {
    const backend = createCpuBackend();
    expect([...(await backend.read(backend.empty([2, 1], 'zeros')))]).toEqual([0, 0]);
    const values = Float64Array.of(1, 2);
    const tensor = backend.fromArray(values, [2], 'values');
    values[0] = 9;
    const read = await backend.read(tensor);
    read[1] = 9;
    expect([...(await backend.read(tensor))]).toEqual([1, 2]);
  });

  it.each(['F32', 'F16', 'BF16'] as const)('decode %s', async (dtype) => {
    const backend = createCpuBackend();
    const values = [1, -0.5, 2 ** -14, 96];
    const tensor = backend.decode(encodeFromFloat(values, dtype), dtype, [2, 2], 'weight');
    expect(tensor.shape).toEqual([2, 2]);
    expect([...(await backend.read(tensor))]).toEqual(values);
  });

  it('copy between shapes of one size', async () => {
    const backend = createCpuBackend();
    const to = backend.empty([4], 'to');
    backend.copy(backend.fromArray([1, 2, 3, 4], [2, 2], 'from'), to);
    expect([...(await backend.read(to))]).toEqual([1, 2, 3, 4]);
  });
});

describe('eigh', () => {
  it('leaves the covariance as it was and counts the eigenvectors', async () => {
    const backend = createCpuBackend();
    const covariance = backend.fromArray([2, 1, -7, 2], [2, 2], 'H');
    const { eigenvalues, eigenvectors, sweeps, solver } = await backend.eigh({ covariance });
    expect([...(await backend.read(covariance))]).toEqual([2, 1, -7, 2]);
    expect(eigenvalues[0]).toBeCloseTo(3, 14);
    expect(eigenvalues[1]).toBeCloseTo(1, 14);
    const r = Math.SQRT1_2;
    const found = await backend.read(eigenvectors);
    expect(Math.abs(found[0] - r) + Math.abs(found[2] - r)).toBeLessThan(1e-15);
    expect(Math.abs(found[1]) + Math.abs(found[3])).toBeCloseTo(2 * r, 14);
    expect(sweeps).toBe(0);
    expect(solver).toBe('householder-dc-f64');
    expect(backend.memory.currentBytes).toBe(64);
    eigenvectors.dispose();
    expect(backend.memory.currentBytes).toBe(32);
  });
});

describe('sync', () => {
  it('lets messages in: a timer that is due runs before it resolves', async () => {
    const { port1, port2 } = new MessageChannel();
    let received = false;
    port1.onmessage = () => {
      received = true;
    };
    port2.postMessage('cancel');
    await createCpuBackend().sync();
    await createCpuBackend().sync();
    port1.close();
    expect(received).toBe(true);
  });
});
