/** @file A Python that has torch: the one that was named, or one that is found. */
import { execFile } from 'node:child_process';
import { WhittleError } from '../../errors/errors.ts';

const COMMANDS = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python'];

export interface Python {
  command: string;
  /** Its torch's version. */
  torch: string;
}

/**
 * @param named Path of a Python; undefined looks for one among the commands.
 * @throws `bad_option` where there is none, or none that has torch.
 */
export async function findTorch(named: string | undefined): Promise<Python> {
  const tried: string[] = [];
  for (const command of named === undefined ? COMMANDS : [named]) {
    try {
      const torch = (await runPython(command, ['-c', 'import torch; print(torch.__version__)'], 120_000)).trim();
      return { command, torch };
    } catch (thrown) {
      tried.push(`${command}: ${reasonOf(thrown)}`);
    }
  }
  throw new WhittleError({
    code: 'bad_option',
    message: `No Python with torch was found (${tried.join('; ')}).`,
    place: { field: '--against' },
    allowed: 'torch, or torch=PYTHON with the path of a Python that can import torch',
    action: 'Install torch for one (python -m pip install torch) and name it: --against torch=PATH.',
  });
}

/** Standard output of a Python. Rejects where it fails, with its last line of standard error, or takes longer. */
export function runPython(command: string, args: readonly string[], patienceMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: patienceMs, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else reject(error.killed ? new Error(`no answer within ${patienceMs / 1000} s`) : failureOf(error, stderr));
    });
  });
}

function failureOf(error: Error, stderr: string): Error {
  if ('code' in error && error.code === 'ENOENT') return new Error('there is no such program');
  const last = stderr.trim().split('\n').pop();
  return new Error(last || error.message);
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
