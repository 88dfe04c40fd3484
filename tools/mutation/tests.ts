/** @file Runs of few test files, one after another, in one Vitest that keeps what it has transformed. */
import { spawnSync } from 'node:child_process';
import { createVitest, type Vitest } from 'vitest/node';

export interface Outcome {
  readonly outcome: 'killed' | 'survived' | 'timeout' | 'untested';
  /** What the first test that failed said: a kill by a test's time or by a missing file is none. */
  readonly why?: string;
}

const SILENT = { onInit() {} };

/** A test that loops forever hears nothing: its process, a child of this one, is ended. */
function endWorkers(): void {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  for (const line of stdout.trim().split('\n')) {
    const [pid, parent, name] = line.trim().split(/\s+/);
    if (Number(parent) === process.pid && name !== 'ps' && name !== 'esbuild') process.kill(Number(pid), 'SIGKILL');
  }
}

export class TestRuns {
  private last?: string;

  private constructor(private readonly vitest: Vitest) {}

  static async start(root: string): Promise<TestRuns> {
    const config = { root, watch: true, maxWorkers: 1, reporters: [SILENT] };
    const vitest = await createVitest('test', config, { server: { watch: null } });
    await vitest.standalone();
    return new TestRuns(vitest);
  }

  /** @param changed The file that is not what it was at the run before. @param tests Paths. */
  async outcome(changed: string, tests: readonly string[], timeoutMs: number): Promise<Outcome> {
    const { vitest } = this;
    // Of the mutant before as well: it was put back.
    for (const file of new Set([changed, this.last ?? changed])) vitest.invalidateFile(file);
    this.last = changed;
    const all = await vitest.globTestSpecifications([...tests]);
    const specifications = all.filter(({ moduleId }) => tests.includes(moduleId));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((settle) => {
      timer = setTimeout(() => settle(undefined), timeoutMs);
    });
    const running = vitest.runTestSpecifications(specifications);
    const run = await Promise.race([running, late]);
    clearTimeout(timer);
    if (!run) {
      endWorkers();
      await running.catch(() => undefined);
      return { outcome: 'timeout' };
    }
    for (const module of run.testModules.filter(({ moduleId }) => tests.includes(moduleId))) {
      const [fault] = module.errors();
      if (fault) return { outcome: 'killed', why: `${module.relativeModuleId}: ${fault.message}`.slice(0, 300) };
      for (const test of module.children.allTests('failed')) {
        const [error] = test.result().errors ?? [];
        return {
          outcome: 'killed',
          why: `${module.relativeModuleId} > ${test.fullName}: ${error?.message}`.slice(0, 300),
        };
      }
    }
    const [error] = run.unhandledErrors as { message?: string }[];
    return error ? { outcome: 'killed', why: String(error.message).slice(0, 300) } : { outcome: 'survived' };
  }

  close(): Promise<void> {
    return this.vitest.close();
  }
}
