/** @file The parts of the bench that the page measures: products, kernels, eigensolvers, precision. */
import type { BenchBrowser } from './bench_browser.ts';

type Asked = Pick<BenchBrowser, 'ask'>;

import { withJacobiRatio, worstOfFamilies } from './eigen_quality.ts';
import type { BenchReport, EigenFigure, EigenMeasurement, NamedShape } from './figures.ts';
import { median } from './median.ts';
import { type BenchPlan, type EigenPlan, HIDDEN, HOST, JACOBI, TIMED_FAMILY } from './plan.ts';

export type PageFigures = Pick<
  BenchReport,
  'adapter' | 'matmul' | 'matmul_cpu' | 'packed_cpu' | 'lut_cpu' | 'kernels' | 'eigen' | 'precision'
>;

export async function measurePage(bench: BenchBrowser, plan: BenchPlan): Promise<PageFigures> {
  const adapter = await bench.ask('adapter', 'adapter');
  if (!adapter) throw new Error('The browser has no WebGPU adapter.');
  const name = ({ product, m, k, n }: NamedShape) => `${product} ${m}×${k}×${n}`;
  const matmul = await each(plan.products, (shape) => bench.ask(`matmul ${name(shape)}`, 'matmul', shape));
  const matmul_cpu = await each(plan.cpuProducts, (shape) =>
    bench.ask(`on the CPU ${name(shape)}`, 'cpuMatmul', shape),
  );
  const packed_cpu = await each(plan.packed, (shape) => bench.ask(`packed ${name(shape)}`, 'packed', shape));
  const lut_cpu = await each(plan.lut, (shape) =>
    bench.ask(`LUT-GEMM int${shape.bits} ${shape.k}×${shape.n}`, 'lut', shape),
  );
  const kernels = await each(await names(bench, 'kernelNames'), (kernel) => bench.ask(kernel, 'kernel', kernel));
  const eigen = await measureEigen(bench, plan.eigen);
  const isMeasured = (activations: string) => plan.allActivations || activations.includes('× 1000');
  const activations = (await names(bench, 'activationNames')).filter(isMeasured);
  const precision = await each(activations, (one) => bench.ask(`precision, ${one}`, 'precision', HIDDEN, one));
  return { adapter, matmul, matmul_cpu, packed_cpu, lut_cpu, kernels, eigen, precision };
}

export async function names(bench: Asked, of: 'kernelNames' | 'activationNames' | 'eigenFamilies'): Promise<string[]> {
  return (await bench.ask(of, of)) ?? [];
}

/** What could be measured, in order. */
export async function each<T, R>(items: readonly T[], measure: (item: T) => Promise<R | undefined>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    const result = await measure(item);
    if (result !== undefined) results.push(result);
  }
  return results;
}

export async function measureEigen(bench: Asked, plans: readonly EigenPlan[]): Promise<EigenFigure[]> {
  const all = await names(bench, 'eigenFamilies');
  const figures = await each(inOrder(plans), async (plan) => {
    const families = plan.families === 'all' ? all : [TIMED_FAMILY];
    const times: number[] = [];
    const found = await each(families, async (family) => {
      let measured: EigenMeasurement | undefined;
      for (let run = 0; run < (family === TIMED_FAMILY ? plan.repeats : 1); run++) {
        measured = await askEigen(bench, plan, family);
        if (family === TIMED_FAMILY && measured) times.push(measured.ms);
      }
      return measured;
    });
    return found.length > 0 && times.length > 0 ? worstOfFamilies(found, median(times)) : undefined;
  });
  return withJacobiRatio(sorted(figures), JACOBI);
}

function askEigen(bench: Asked, { solver, n }: EigenPlan, family: string) {
  const label = `eigen ${n}, ${family}, ${solver}`;
  return solver === HOST ? bench.ask(label, 'cpuEigen', n, family) : bench.ask(label, 'eigen', n, family, solver);
}

/** Size by size, so that solvers that are compared run one after the other. */
const inOrder = (plans: readonly EigenPlan[]) => [...plans].sort((a, b) => a.n - b.n);

/** By solver, as the table shows them; equal ones stay in order. */
function sorted(figures: readonly EigenFigure[]): EigenFigure[] {
  const solvers = [...new Set(figures.map(({ solver }) => solver))];
  return solvers.flatMap((solver) => figures.filter((figure) => figure.solver === solver));
}
