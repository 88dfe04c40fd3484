/** @file What an engine and its Worker that writes files say to each other. Files are told apart by numbers. */
import type { ErrorData } from '../../errors/errors.ts';

export type ToWriter =
  /** A new, empty file in a folder of OPFS, which is made where it is missing. */
  | { type: 'open'; file: number; folder: string; name: string }
  /** The first `bytes` of `buffer`, behind what was written before. */
  | { type: 'write'; file: number; buffer: ArrayBuffer; bytes: number }
  /** Durable and readable from then on. */
  | { type: 'close'; file: number };

export type FromWriter =
  | { type: 'opened'; file: number }
  /** The buffer comes back to be filled again. */
  | { type: 'written'; file: number; buffer: ArrayBuffer }
  | { type: 'closed'; file: number; sha256: string }
  /** The file has been let go of; nothing more is heard of it. */
  | { type: 'error'; file: number; error: ErrorData };
