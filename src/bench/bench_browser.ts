/** @file The bench's page in a headless browser, asked for one figure at a time. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { type HeadlessBrowser, launchHeadless } from '../cli/browser.ts';
import type { BenchPage } from './page_protocol.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The app itself, for jobs. */
export const APP = join(ROOT, 'dist');

/** Nothing that is asked for takes nearly as long; what does has stopped. */
const PATIENCE_MS = 400_000;

export function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

/** Rejects where `work` takes longer. */
export async function within<T>(milliseconds: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${milliseconds / 1000} s.`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
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
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'es2022', rollupOptions: { input: 'bench.html' } },
  });
  return outDir;
}

/**
 * What a function of the page gives; undefined, with a line on stderr, where it fails or stops: the bench goes on with
 * the next figure, in a new browser if need be.
 */
export type BenchAsk = <K extends keyof BenchPage>(
  label: string,
  name: K,
  ...args: Parameters<BenchPage[K]>
) => Promise<Awaited<ReturnType<BenchPage[K]>> | undefined>;

export interface BenchBrowser {
  ask: BenchAsk;
  close(): Promise<void>;
}

export async function openBench(): Promise<BenchBrowser> {
  const folder = await buildPage();
  let browser: HeadlessBrowser | undefined;
  const close = async () => {
    await browser?.close();
    browser = undefined;
  };
  return {
    close,
    async ask(label, name, ...args) {
      say(label);
      try {
        // Served as the app is, cross-origin isolated: else there were no threads.
        browser ??= await launchHeadless(folder, 'bench.html');
        const call = browser.page.evaluate(
          ([method, given]) => (window.whittleBench[method] as (...given: unknown[]) => unknown)(...given),
          [name, args] as const,
        );
        return (await within(PATIENCE_MS, label, call)) as never;
      } catch (thrown) {
        say(`${label}: ${thrown instanceof Error ? thrown.message : thrown}`);
        await close();
        return undefined;
      }
    },
  };
}
