import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Dawn for Node finds no adapter by itself on a machine without a GPU; Chromium's own software driver serves it.
const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'src/**/*.test.tsx', 'test/**/*.test.ts', 'tools/**/*.test.ts'],
    env: existsSync(softwareDriver) ? { VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES ?? softwareDriver } : {},
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
