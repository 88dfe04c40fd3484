/** @file Where the files of a job's repetition lie. */
import { join, parse } from 'node:path';

/** The file of a job's repetition, beside the first one's: trace.json, trace.cpu.json. */
export function traceOf(path: string, backend: string): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${backend}${ext}`);
}
