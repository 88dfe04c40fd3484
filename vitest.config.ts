import { existsSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';

// Dawn for Node finds no adapter by itself on a machine without a GPU; Chromium's own software driver serves it.
const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Functions of data: their files share a process and its modules, which halves the time of many small files. */
const PURE = ['errors', 'export', 'formats', 'models', 'report', 'statistics', 'tensor', 'app'].map(
  (layer) => `src/${layer}/**/*.test.{ts,tsx}`,
);

/** With kernels and models, but without state of modules (the engine has some): they share modules, too, which are read once in place of hundreds of times. */
const TOGETHER = [
  ...['bench', 'cli', 'compress'].map((layer) => `src/${layer}/**/*.test.ts`),
  // One puts others in the place of modules (`vi.mock`), which all would get that share them.
  'src/runtime/**/!(layer_parts).test.ts',
  ...['cpu', 'linalg', 'wasm'].map((part) => `src/backend/${part}/**/*.test.ts`),
  ...['hub', 'onnx'].map((part) => `test/${part}/**/*.test.ts`),
];

/** WHITTLE_FULL=1 runs what takes minutes of a software adapter, on a machine that others may use. */
const PATIENCE_MS = process.env.WHITTLE_FULL === '1' ? 1_800_000 : 60_000;

export default defineConfig({
  test: {
    env: existsSync(softwareDriver) ? { VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES ?? softwareDriver } : {},
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: PATIENCE_MS,
    hookTimeout: PATIENCE_MS,
    projects: [
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
      {
        extends: true,
        test: {
          name: 'together',
          include: TOGETHER,
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.ts', 'tools/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...PURE, ...TOGETHER],
        },
      },
    ],
  },
});
