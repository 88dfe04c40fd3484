import { defineConfig } from '@playwright/test';
import { chromiumFlags, findChromium } from './scripts/chromium.mjs';

// Workers read this file too, and must find the same port; a fixed one could be taken.
process.env.WHITTLE_E2E_PORT ??= String(20_000 + Math.floor(Math.random() * 20_000));
const PORT = process.env.WHITTLE_E2E_PORT;

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  // Pages wait for each other's halves: two of them fill two cores. What WHITTLE_FULL=1 adds runs on the software adapter, which does so alone.
  workers: process.env.WHITTLE_FULL === '1' ? 1 : 2,
  timeout: 240_000,
  expect: { timeout: 20_000 },
  reporter: 'list',
  forbidOnly: Boolean(process.env.CI),
  // A shared machine can stall the software adapter past a timeout once; a fault fails twice.
  retries: process.env.CI ? 1 : 0,
  use: {
    baseURL: `http://127.0.0.1:${PORT}/`,
    browserName: 'chromium',
    viewport: { width: 1440, height: 900 },
    // Pictures of every moment take a processor of the two; where a failed test is tried again, that try is the one to look at.
    trace: process.env.CI ? 'on-first-retry' : 'retain-on-failure',
    // It would answer in the place of what tests put between page and server; its own spec lets it in.
    serviceWorkers: 'block',
    actionTimeout: 20_000,
    launchOptions: { executablePath: findChromium() ?? undefined, args: chromiumFlags() },
  },
  webServer: {
    command: `npx vite preview --host 127.0.0.1 --port ${PORT} --strictPort`,
    url: `http://127.0.0.1:${PORT}/`,
    reuseExistingServer: false,
  },
});
