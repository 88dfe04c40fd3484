/** @file `npm run bench -- [--json FILE]`: kernels, eigensolver and the demo job on this machine, in one run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright';
import { build } from 'vite';
import { launchHeadless } from '../cli/browser.ts';
import { runJob } from '../cli/job.ts';
import { parseOptions } from '../cli/options.ts';
import type { BenchReport, EigenFigure, KernelFigure, MatmulFigure, MatmulShape, PrecisionFigure } from './figures.ts';
import { benchTables } from './tables.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Cubes, then the products of SmolLM2-135M on a window of 256 tokens: q_proj, up_proj, down_proj. */
const MATMULS: MatmulShape[] = [
  { m: 512, k: 512, n: 512 },
  { m: 1024, k: 1024, n: 1024 },
  { m: 256, k: 576, n: 576 },
  { m: 256, k: 576, n: 1536 },
  { m: 256, k: 1536, n: 576 },
];
const EIGEN_SIZES = [64, 256, 576, 1024, 2048];
const PRECISION_SIZE = 576;
/** Above, only the timed family, and not by Jacobi, which takes minutes on a software adapter. */
const ALL_FAMILIES_UP_TO = 576;
/** The family whose time is told: what PCA of a residual stream decomposes. */
const TIMED_FAMILY = 'covariance with outlier';

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

/** The page is built apart from the app: it carries onnxruntime-web's second, larger binary. */
async function buildPage(): Promise<string> {
  const outDir = join(ROOT, '.cache', 'bench');
  await build({
    root: ROOT,
    configFile: false,
    base: './',
    logLevel: 'error',
    publicDir: false,
    build: { outDir, emptyOutDir: true, target: 'es2022', rollupOptions: { input: 'bench.html' } },
  });
  return outDir;
}

type PageFigures = Pick<BenchReport, 'adapter' | 'matmul' | 'eigen' | 'precision' | 'kernels'>;

async function measurePage(): Promise<PageFigures> {
  const browser = await launchHeadless(await buildPage(), 'bench.html');
  const { page } = browser;
  try {
    const adapter = await page.evaluate(() => window.whittleBench.adapter());
    const matmul: MatmulFigure[] = [];
    for (const shape of MATMULS) {
      say(`matmul ${shape.m}×${shape.k}×${shape.n}`);
      matmul.push(await page.evaluate((given) => window.whittleBench.matmul(given), shape));
    }
    const kernels: KernelFigure[] = [];
    for (const name of await page.evaluate(() => window.whittleBench.kernelNames())) {
      say(name);
      kernels.push(await page.evaluate((given) => window.whittleBench.kernel(given), name));
    }
    const eigen: EigenFigure[] = [];
    for (const solver of await page.evaluate(() => window.whittleBench.eigenSolvers())) {
      for (const n of EIGEN_SIZES) {
        const isLarge = n > ALL_FAMILIES_UP_TO;
        if (isLarge && solver.includes('jacobi')) continue;
        const families = isLarge ? [TIMED_FAMILY] : await page.evaluate(() => window.whittleBench.eigenFamilies());
        eigen.push(await measureEigen(page, n, families, solver));
      }
    }
    const precision: PrecisionFigure[] = [];
    for (const name of await page.evaluate(() => window.whittleBench.activationNames())) {
      say(`precision ${PRECISION_SIZE}, ${name}`);
      const measure = ([n, given]: readonly [number, string]) => window.whittleBench.precision(n, given);
      precision.push(await page.evaluate(measure, [PRECISION_SIZE, name] as const));
    }
    return { adapter, matmul, kernels, eigen, precision };
  } finally {
    await browser.close();
  }
}

async function measureEigen(page: Page, n: number, families: string[], solver: string): Promise<EigenFigure> {
  const worst: EigenFigure = { n, solver, ms: 0, residual_ulp: 0, orthogonality_ulp: 0, worst_family: '' };
  for (const family of families) {
    say(`eigen ${n}, ${family}, ${solver}`);
    const figure = await page.evaluate(([size, name, by]) => window.whittleBench.eigen(size, name, by), [
      n,
      family,
      solver,
    ] as const);
    if (family === TIMED_FAMILY) worst.ms = figure.ms;
    if (figure.residual_ulp >= worst.residual_ulp) worst.worst_family = family;
    worst.residual_ulp = Math.max(worst.residual_ulp, figure.residual_ulp);
    worst.orthogonality_ulp = Math.max(worst.orthogonality_ulp, figure.orthogonality_ulp);
  }
  return worst;
}

async function measureJob(): Promise<Pick<BenchReport, 'job' | 'memory'>> {
  const out = await mkdtemp(join(tmpdir(), 'whittle-bench-'));
  const browser = await launchHeadless(join(ROOT, 'dist'));
  try {
    const demo = { kind: 'demo' } as const;
    const { report, stopped } = await runJob(
      parseOptions(['--model', 'demo', '--out', out]),
      { model: demo, paths: [], calibration: demo, evaluation: demo },
      browser,
      { onStep: (label) => say(`demo job: ${label}`), onEvent() {} },
    );
    if (stopped !== undefined) throw stopped;
    const { backend, timings_ms, dense, sliced, memory } = report;
    return {
      job: {
        backend: backend.kind,
        stage_ms: timings_ms,
        perplexity: sliced[0].perplexity,
        dense_perplexity: dense.perplexity,
      },
      memory,
    };
  } finally {
    await browser.close();
    await rm(out, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { json: { type: 'string' } } });
const report: BenchReport = { ...(await measurePage()), ...(await measureJob()) };
if (values.json) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
process.stdout.write(`${benchTables(report)}\n`);
