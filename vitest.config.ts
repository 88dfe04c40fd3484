import { existsSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Dawn for Node finds no adapter by itself on a machine without a GPU; Chromium's own software driver serves it.
const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Functions of data: their files share a process and its modules, which halves the time of many small files. */
const PURE = ['errors', 'export', 'formats', 'models', 'report', 'tensor', 'app'].map(
  (layer) => `src/${layer}/**/*.test.{ts,tsx}`,
);

/**
 * With kernels and models, but without state of modules (the engine has some): they share modules, too, which are read once in
 * place of hundreds of times, and what the software adapter compiled (`backend/shared_device.ts`), most of what it does in a test.
 */
const TOGETHER = [
  ...['backend', 'bench', 'cli', 'compress', 'statistics'].map((layer) => `src/${layer}/**/*.test.ts`),
  // One puts others in the place of modules (`vi.mock`), which all would get that share them.
  'src/runtime/**/!(layer_parts).test.ts',
  ...['*', 'hub/*', 'onnx/*'].map((files) => `test/${files}.test.ts`),
];

/** What takes longest: last, one worker would go on alone with it. Where nothing is known of earlier runs, Vitest goes by the sizes of files. */
const LONG = [
  'methods_reference',
  'solver',
  'reference_wasm',
  'reference_webgpu_demo',
  'methods_webgpu',
  'reference_webgpu',
];

/** By project, because files of one share a process as long as the next is of it too, and the longest first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const projects = ['together', 'alone', 'pure'];
    const rank = ({ project, moduleId }: TestSpecification) => {
      const place = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return projects.indexOf(project.name) * 100 + (place < 0 ? LONG.length : place);
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** WHITTLE_FULL=1 runs what takes minutes of a software adapter, on a machine that others may use. */
const PATIENCE_MS = process.env.WHITTLE_FULL === '1' ? 1_800_000 : 60_000;

export default defineConfig({
  test: {
    env: existsSync(softwareDriver) ? { VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES ?? softwareDriver } : {},
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
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
