/** @file `npm run bench -- --node`: the device's sections without a browser, for a machine with a GPU and no display. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';
import { hasGpuDevice } from '../../../scripts/chromium.mjs';
import { WhittleError } from '../../errors/errors.ts';
import { type BenchAsk, say } from '../bench_browser.ts';
import { each, measureEigen, names } from '../page_sections.ts';
import { benchPlan, HIDDEN } from '../plan.ts';
import { digits, same, tableOf, tiny } from '../tables.ts';
import type { DevicePage } from './device_page.ts';
import type { NodeReport } from './figures.ts';

/** Where Debian's Chromium has it. */
const SOFTWARE_DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Throws `no_webgpu`. */
export async function measureNode(quick: boolean): Promise<NodeReport> {
  const started = performance.now();
  const page = await openPage();
  const failures: NodeReport['failures'] = [];
  const attempt = async <T>(section: string, work: () => T | Promise<T>): Promise<T | undefined> => {
    say(section);
    try {
      return await work();
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown.message : String(thrown);
      say(`${section}: ${error}`);
      failures.push({ section, error });
      return undefined;
    }
  };
  const ask: BenchAsk = (label, name, ...args) =>
    attempt(label, () => (page[name as keyof DevicePage] as (...given: unknown[]) => never)(...args));
  try {
    const plan = benchPlan(quick);
    const matmul = await each(plan.products, (shape) =>
      attempt(`matmul ${shape.product} ${shape.m}×${shape.k}×${shape.n}`, () => page.product(shape)),
    );
    const kernels = await each(page.kernelNames(), (kernel) => ask(kernel, 'kernel', kernel));
    const eigen = await measureEigen({ ask }, plan.eigen);
    const isMeasured = (activations: string) => plan.allActivations || activations.includes('× 1000');
    const activations = (await names({ ask }, 'activationNames')).filter(isMeasured);
    const precision = await each(activations, (one) => ask(`precision, ${one}`, 'precision', HIDDEN, one));
    const seconds = Math.round((performance.now() - started) / 1000);
    return { adapter: page.adapter(), node: process.version, matmul, kernels, eigen, precision, failures, seconds };
  } finally {
    page.close();
  }
}

/** Node knows no shader files: Vite puts them into one module. */
async function openPage(): Promise<DevicePage> {
  const outDir = join(ROOT, '.cache', 'bench-node');
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      ...{ ssr: 'src/bench/node/device_page.ts', outDir, emptyOutDir: true, target: 'node20' },
      rollupOptions: { output: { entryFileNames: 'device_page.mjs' } },
    },
  });
  const { openDevicePage } = await import(pathToFileURL(join(outDir, 'device_page.mjs')).href);
  chooseSoftwareDriver();
  try {
    return await openDevicePage();
  } catch (thrown) {
    // The module has its own copy of the class.
    const { toData } = thrown as Partial<WhittleError>;
    throw toData ? WhittleError.fromData(toData.call(thrown)) : thrown;
  }
}

/** Chromium's, where there is no card and nobody named another: the Vulkan loader does not look there. */
function chooseSoftwareDriver(): void {
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES } = process.env;
  if (VK_ICD_FILENAMES || VK_DRIVER_FILES || hasGpuDevice() || !existsSync(SOFTWARE_DRIVER)) return;
  process.env.VK_ICD_FILENAMES = SOFTWARE_DRIVER;
}

export function nodeTables({
  adapter,
  node,
  matmul,
  kernels,
  eigen,
  precision,
  failures,
  seconds,
}: NodeReport): string {
  const { vendor, architecture, description, is_fallback_adapter, features } = adapter;
  const software = is_fallback_adapter ? ' (software adapter)' : '';
  return [
    `adapter  ${[vendor, architecture, description].filter(Boolean).join(' ')}${software}, Node ${node}; ${seconds} s`,
    `features ${features.join(', ') || 'none'}`,
    tableOf('matmul', matmul, {
      ...{ product: same, m: same, k: same, n: same, gflops: digits, bt_gflops: digits },
    }),
    tableOf('kernels', kernels, { name: same, shape: same, ms: digits, gflops: digits }),
    tableOf('eigen', eigen, {
      ...{ n: same, solver: same, ms: digits, residual_ulp: digits, orthogonality_ulp: digits },
      ...{ families: same, worst_family: same, over_limit: (over: string[]) => over.join(', '), jacobi_ratio: digits },
    }),
    tableOf('precision', precision, {
      ...{ n: same, name: same, plain_loss: tiny, loss: tiny, sums: same, verdict: same },
      ...{ rounded_ms: digits, pairs_ms: digits, deflated_ms: digits },
    }),
    ...(failures.length > 0 ? [tableOf('not measured', failures, { section: same, error: same })] : []),
  ].join('\n\n');
}
