/** @file A headless Chromium with a profile of its own, as the engine needs it. */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright';
import { chromiumFlags, findChromium } from '../../scripts/chromium.mjs';
import { WhittleError } from '../errors/errors.ts';

/** The page asks for its memory from time to time; by default the browser answers after some 20 s. */
const MEASURE_MEMORY_AT_ONCE = '--enable-blink-features=ForceEagerMeasureMemory';

/**
 * V8 joins pairs of 128-bit vectors into 256-bit ones: the CPU backend's products take half the time, with the same bits. It is
 * off for pages, and a browser that does not know the flag passes it over.
 */
const WIDE_VECTORS = '--wasm-revectorize';

/**
 * V8 compiles a function once more, well, after so many bytes of its code were run. At its default of 13 MB hundreds of those that
 * only open a session are, in onnxruntime: a fifth of the processor's time in a verification of minutes. A hot loop
 * reaches this soon (one of integers in 50 ms); Whittle's own kernels ask to be compiled well at once (`optimisedAtOnce` of
 * `backend/linalg/wasm_module.ts`), which V8 does with this flag alone.
 */
const TIERING = '--wasm-tiering-budget=1000000000 --wasm-compilation-hints';

export interface Chromium {
  /** Rejects where it could not be started. */
  readonly context: Promise<BrowserContext>;
  /** Also of one that is still starting; removes the profile. May be called again while it runs. */
  close(): Promise<void>;
}

/** Starts at once; a fault is met by whoever waits for the context. */
export function startChromium(): Chromium {
  const profile = mkdtemp(join(tmpdir(), 'whittle-'));
  const context = profile.then(launch);
  context.catch(() => undefined);
  const closeOnce = async () => {
    await context.then((open) => open.close()).catch(() => undefined);
    const folder = await profile;
    await rm(folder, REMOVAL);
    removers.get(folder)?.();
  };
  let closing: Promise<void> | undefined;
  return {
    context,
    close() {
      closing ??= closeOnce();
      return closing;
    },
  };
}

const REMOVAL = { recursive: true, force: true, maxRetries: 5, retryDelay: 200 };

/** By profile: takes back its removal at the end of a program that does not close its browser. */
const removers = new Map<string, () => void>();

/** @param profile On disk: the storage of a private window lives in memory and is small. */
async function launch(profile: string): Promise<BrowserContext> {
  const removeAtExit = () => rmSync(profile, REMOVAL);
  process.on('exit', removeAtExit);
  removers.set(profile, () => {
    process.off('exit', removeAtExit);
    removers.delete(profile);
  });
  const executablePath = findChromium();
  if (!executablePath) {
    throw new WhittleError({
      code: 'internal',
      message: 'No Chromium or Chrome was found.',
      action: 'Install one, or set CHROME_PATH to its program file.',
    });
  }
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: [...chromiumFlags(), MEASURE_MEMORY_AT_ONCE, `--js-flags=${WIDE_VECTORS} ${TIERING}`],
    acceptDownloads: true,
    // Ctrl-C must first free the engine's memory and remove the profile.
    handleSIGINT: false,
    handleSIGTERM: false,
  });
  // Behind Playwright's own exit handler, which kills the browser that would write to the profile again.
  process.off('exit', removeAtExit).on('exit', removeAtExit);
  return context;
}
