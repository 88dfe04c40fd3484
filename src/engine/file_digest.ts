/** @file SHA-256 of a dropped file, read in parts. */
import { Sha256 } from '../formats/sha256.ts';

/** Bytes at a time. */
const PART = 2 ** 22;

export async function fileDigest(file: Blob): Promise<string> {
  const hash = new Sha256();
  for (let start = 0; start < file.size; start += PART) {
    hash.update(new Uint8Array(await file.slice(start, start + PART).arrayBuffer()));
  }
  return hash.digest();
}
