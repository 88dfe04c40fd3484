import { afterAll, describe, expect, it } from 'vitest';
import { WhittleError } from '../../errors/errors.ts';
import { createNodeWebGpuBackend } from '../testing.ts';
import { type EighSolver, eigh, solversFor, TRIDIAGONAL_FROM } from './eigh.ts';
import { JACOBI_SOLVER } from './eigh_jacobi.ts';
import { checkCancel, checkFamily, checkRefusal, decompose, family } from './eigh_testing.ts';
import { TRIDIAGONAL_SOLVER } from './eigh_tridiagonal.ts';

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());

/** The right decomposition with an entry of Q moved, or the wrong eigenvalues. */
function broken(name: string, damage: 'vectors' | 'values'): EighSolver {
  return {
    name,
    async solve(context, args) {
      const n = args.covariance.shape[0];
      const [{ solve }] = solversFor(n);
      const found = await solve(context, args);
      if (damage === 'values') return { ...found, eigenvalues: found.eigenvalues.map((value) => 1.01 * value) };
      const columns = await backend!.read(found.eigenvectors);
      columns[n + 1] += 0.01;
      found.eigenvectors.dispose();
      const eigenvectors = backend!.fromArray(columns, [n, n], 'broken') as typeof found.eigenvectors;
      return { ...found, eigenvectors };
    },
  };
}

const unconverged: EighSolver = {
  name: 'never',
  solve: () => Promise.reject(new WhittleError({ code: 'not_converged', message: 'It did not converge.' })),
};

describe.skipIf(!backend)('eigh on WebGPU', () => {
  it('chooses by size', async () => {
    for (const [n, solver] of [
      [TRIDIAGONAL_FROM - 1, JACOBI_SOLVER],
      [TRIDIAGONAL_FROM, TRIDIAGONAL_SOLVER],
    ] as const) {
      const found = await decompose(backend!, (args) => backend!.eigh(args), family('random').build(n), n);
      expect(found.solver).toBe(solver);
    }
  });

  it.each([
    { name: 'does not converge', first: unconverged, why: 'never: not converged' },
    {
      name: 'gives a Q that is not orthogonal',
      first: broken('bent', 'vectors'),
      why: /bent: (residual|orthogonality) .* n·ulp/,
    },
    { name: 'gives wrong eigenvalues', first: broken('off', 'values'), why: /off: residual .* n·ulp/ },
  ])('takes the next solver where the first one $name, and says so', async ({ first, why }) => {
    const n = 70;
    const before = backend!.memory.currentBytes;
    const [tridiagonal, jacobi, host] = solversFor(n);
    for (const second of [tridiagonal, jacobi, host]) {
      const found = await decompose(
        backend!,
        (args) => eigh(backend!.context, args, [first, second]),
        family('random').build(n),
        n,
      );
      expect(found.solver).toMatch(new RegExp(`^${second.name} \\(after `));
      expect(found.solver).toMatch(why);
    }
    const solve = (args: Parameters<typeof eigh>[1]) => eigh(backend!.context, args, [first, host]);
    await checkFamily(backend!, solve, family('covariance'), n);
    expect(backend!.memory.currentBytes).toBe(before);
  });

  it('fails where every solver fails, names each, and frees everything', async () => {
    const before = backend!.memory.currentBytes;
    const solve = (args: Parameters<typeof eigh>[1]) =>
      eigh(backend!.context, args, [unconverged, broken('off', 'values')]);
    await expect(decompose(backend!, solve, family('random').build(40), 40)).rejects.toMatchObject({
      code: 'not_converged',
      message: expect.stringMatching(/40×40 .*never: not converged; off: residual/),
    });
    expect(backend!.memory.currentBytes).toBe(before);
  });

  it('does not try the next solver on bad input, or after a cancel', async () => {
    await checkRefusal(backend!, (args) => backend!.eigh(args), Number.NaN);
    await checkCancel(backend!, (args) => backend!.eigh(args));
  });

  it('keeps nothing but the eigenvectors', async () => {
    for (const n of [20, 80]) {
      const before = backend!.memory.currentBytes;
      const covariance = backend!.fromArray(family('random').build(n), [n, n], 'covariance');
      const { eigenvectors } = await backend!.eigh({ covariance });
      covariance.dispose();
      expect(backend!.memory.currentBytes - before).toBe(n * n * 4);
      eigenvectors.dispose();
    }
  });

  it('refuses a matrix that is not square', async () => {
    const covariance = backend!.empty([3, 4], 'covariance');
    await expect(backend!.eigh({ covariance })).rejects.toMatchObject({ code: 'kernel_shape' });
    covariance.dispose();
  });
});
