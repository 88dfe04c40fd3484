/** @file `--target-size` and `--target-bpw`: how large the model shall be. */
import type { SolveTarget } from '../engine/protocol.ts';
import { WhittleError } from '../errors/errors.ts';

/** Powers of ten, as sizes are told elsewhere. */
const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };

/** Undefined where neither is given. Throws `bad_option`. */
export function readTarget(size: string | undefined, bits: string | undefined): SolveTarget | undefined {
  if (size !== undefined && bits !== undefined) {
    throw bad('target-size', '--target-size and --target-bpw are both given.', 'one of the two');
  }
  if (size !== undefined) {
    const [, number = '', unit = ''] = /^\s*(\d+\.?\d*|\.\d+)\s*([kmg]?b)?\s*$/i.exec(size) ?? [];
    const bytes = Math.floor(Number(number || Number.NaN) * UNITS[unit.toLowerCase()]);
    if (bytes > 0) return { bytes };
    const [, percent = ''] = /^\s*(\d+\.?\d*|\.\d+)\s*%\s*$/.exec(size) ?? [];
    if (Number(percent) > 0 && Number(percent) <= 100) return { share: Number(percent) / 100 };
    throw bad(
      'target-size',
      `--target-size is "${size}".`,
      'a number of bytes, as in 2800000, 2800kB, 2.8MB or 0.1GB, or a share of the opened weights, as in 35%',
    );
  }
  if (bits === undefined) return undefined;
  const bits_per_weight = /^(?:\d+\.?\d*|\.\d+)$/.test(bits.trim()) ? Number(bits) : Number.NaN;
  if (bits_per_weight > 0 && bits_per_weight <= 32) return { bits_per_weight };
  throw bad('target-bpw', `--target-bpw is "${bits}".`, 'a number above 0, at most 32, as in 4.5');
}

function bad(field: string, message: string, allowed: string): WhittleError {
  return new WhittleError({ code: 'bad_option', message, place: { field: `--${field}` }, allowed });
}
