/** @file A headless Chromium on the built app, as a {@link Driver} of the engine. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BrowserContext, chromium, type Page } from 'playwright';
import { chromiumFlags, findChromium } from '../../scripts/chromium.mjs';
import type { CommandKind, Commands, EngineEvent, ExportedFile } from '../engine/protocol.ts';
import { WhittleError } from '../errors/errors.ts';
import type { PageAnswer, PageRequest } from './page_protocol.ts';
import { serveApp } from './server.ts';
import type { HubSite } from './site_headers.ts';

/** The page asks for its memory from time to time; by default the browser answers after some 20 s. */
const MEASURE_MEMORY_AT_ONCE = '--enable-blink-features=ForceEagerMeasureMemory';

/**
 * V8 joins pairs of 128-bit vectors into 256-bit ones: the CPU backend's products take half the time, with the same bits. It is
 * off for pages, and a browser that does not know the flag passes it over.
 */
const WIDE_VECTORS = '--wasm-revectorize';

/**
 * V8 compiles a function once more, well, after so many bytes of its code were run. At its default of 13 MB hundreds of those that
 * only open a session are, in onnxruntime: a fifth of the processor's time in a verification of minutes. Kernels are there at once.
 */
const TIERING_BUDGET = '--wasm-tiering-budget=100000000';

/** A download starts at once, or after a second behind others. */
const DOWNLOAD_START_MS = 30_000;

/** How the headless command reaches the engine; the job knows no more than this. */
export interface Driver {
  /** Rejects with the engine's {@link WhittleError}. */
  run<K extends CommandKind>(
    kind: K,
    request: PageRequest<K>,
    onEvent?: (event: EngineEvent) => void,
  ): Promise<Commands[K]['result']>;
  /** Downloads a file of an export to `path`, and compares its hash with the engine's. Throws `export_failed`. */
  save(folder: string, file: ExportedFile, path: string): Promise<void>;
}

export interface HeadlessBrowser extends Driver {
  page: Page;
  /** Paths of files for the page's inputs. */
  choose(
    input: 'model' | 'calibration' | 'evaluation' | 'imatrix' | 'tasks' | 'examples',
    paths: string[],
  ): Promise<void>;
  cancel(): Promise<void>;
  /** May be called again while it runs. */
  close(): Promise<void>;
}

/** Serves `app` (the build) and opens one of its pages in a headless Chromium with a profile of its own. */
export async function launchHeadless(app: string, pageName = 'headless.html', hub?: HubSite): Promise<HeadlessBrowser> {
  const executablePath = findChromium();
  if (!executablePath) {
    throw new WhittleError({
      code: 'internal',
      message: 'No Chromium or Chrome was found.',
      action: 'Install one, or set CHROME_PATH to its program file.',
    });
  }
  if (!existsSync(join(app, pageName))) {
    throw new WhittleError({
      code: 'site_unreachable',
      message: `The app is not built: there is no ${pageName} in ${basename(app)}/.`,
      place: { file: pageName },
      action: 'Run npm run build, or start with npm run slice, which builds it.',
    });
  }
  const server = await serveApp(app, hub);
  // A profile on disk: the storage of a private window lives in memory and is small.
  const profile = await mkdtemp(join(tmpdir(), 'whittle-'));
  const removal = { recursive: true, force: true, maxRetries: 5, retryDelay: 200 };
  // For a program that ends without `close`.
  const removeAtExit = () => rmSync(profile, removal);
  process.on('exit', removeAtExit);
  let context: BrowserContext | undefined;
  const closeOnce = async () => {
    await context?.close().catch(() => undefined);
    server.close();
    await rm(profile, removal);
    process.off('exit', removeAtExit);
  };
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closeOnce();
    return closing;
  };
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: [...chromiumFlags(), MEASURE_MEMORY_AT_ONCE, `--js-flags=${WIDE_VECTORS} ${TIERING_BUDGET}`],
      acceptDownloads: true,
      // Ctrl-C must first free the engine's memory and remove the profile.
      handleSIGINT: false,
      handleSIGTERM: false,
    });
    // Behind Playwright's own exit handler, which kills the browser that would write to the profile again.
    process.off('exit', removeAtExit).on('exit', removeAtExit);
    const page = context.pages()[0] ?? (await context.newPage());
    return { ...(await drive(page, server.url + pageName)), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function drive(page: Page, url: string): Promise<Omit<HeadlessBrowser, 'close'>> {
  let listener: ((event: EngineEvent) => void) | undefined;
  let fail: (error: Error) => void = () => undefined;
  // Lost pages would otherwise leave a command waiting for ever.
  const lost = new Promise<never>((_, reject) => {
    fail = reject;
  });
  lost.catch(() => undefined);
  page.on('crash', () => fail(new Error('the page crashed: is there enough memory?')));
  page.on('close', () => fail(new Error('the page was closed')));
  page.on('pageerror', (error) => fail(error));
  await page.exposeFunction('whittleEvent', (event: EngineEvent) => listener?.(event));
  await page.goto(url);
  return {
    page,
    async run<K extends CommandKind>(kind: K, request: PageRequest<K>, onEvent?: (event: EngineEvent) => void) {
      listener = onEvent;
      const command = page.evaluate(
        ([name, body]) => window.whittle.run(name as CommandKind, body as PageRequest<CommandKind>),
        [kind, request] as const,
      );
      const answer = (await Promise.race([lost, command])) as PageAnswer<K>;
      listener = undefined;
      if (!answer.ok) throw WhittleError.fromData(answer.error);
      return answer.result;
    },
    async choose(input, paths) {
      await page.locator(`#${input}`).setInputFiles(paths);
    },
    async save(folder, file, path) {
      const waiting = page.waitForEvent('download', { timeout: DOWNLOAD_START_MS });
      waiting.catch(() => undefined);
      await page.evaluate(([where, name]) => window.whittle.download(where, name), [folder, file.name] as const);
      const download = await Promise.race([lost, waiting.catch(() => Promise.reject(notStarted(file.name)))]);
      await mkdir(dirname(path), { recursive: true });
      await download.saveAs(path);
      await download.delete();
      const sha256 = await hashFile(path);
      if (sha256 === file.sha256) return;
      throw new WhittleError({
        code: 'export_failed',
        message: `The saved file differs from the verified one (SHA-256 ${sha256}, not ${file.sha256}).`,
        place: { file: file.name },
        action: 'Is the disk full? Free some space and run again.',
      });
    },
    async cancel() {
      await page.evaluate(() => window.whittle.cancel());
    },
  };
}

/** A browser that drops a download tells nobody. */
function notStarted(file: string): WhittleError {
  return new WhittleError({
    code: 'export_failed',
    message: `The browser did not start the download within ${DOWNLOAD_START_MS / 1000} s.`,
    place: { file },
    action: 'Run again. If it happens again, please report it with the version of your Chromium.',
  });
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
