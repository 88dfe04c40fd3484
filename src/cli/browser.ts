/** @file A headless Chromium on the built app, as a {@link Driver} of the engine. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Download, Page } from 'playwright';
import type { CommandKind, Commands, EngineEvent, ExportedFile } from '../engine/protocol.ts';
import { WhittleError } from '../errors/errors.ts';
import { startChromium } from './chromium.ts';
import type { PageAnswer, PageRequest } from './page_protocol.ts';
import { type AppServer, serveApp } from './server.ts';
import type { HubSite } from './site_headers.ts';

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
  assertBuilt(app, pageName);
  const started = startChromium();
  let server: AppServer | undefined;
  const close = async () => {
    await started.close();
    server?.close();
  };
  try {
    server = await serveApp(app, hub);
    const context = await started.context;
    const page = context.pages()[0] ?? (await context.newPage());
    return { ...(await drive(page, server.url + pageName)), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function assertBuilt(app: string, pageName: string): void {
  if (existsSync(join(app, pageName))) return;
  throw new WhittleError({
    code: 'site_unreachable',
    message: `The app is not built: there is no ${pageName} in ${basename(app)}/.`,
    place: { file: pageName },
    action: 'Run npm run build, or start with npm run slice, which builds it.',
  });
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
      await moveInto(path, download);
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

/** Renamed, which copies nothing; to another disk the browser's driver copies it. */
async function moveInto(path: string, download: Download): Promise<void> {
  try {
    await rename(await download.path(), path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EXDEV') throw thrown;
    await download.saveAs(path);
    await download.delete();
  }
}

/** Large parts: a file of gigabytes is read in thousands of them, not in hundreds of thousands. */
const HASHED_BYTES = 2 ** 20;

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: HASHED_BYTES }), hash);
  return hash.digest('hex');
}
