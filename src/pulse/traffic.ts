/**
 * @file Bytes that this thread moved from and to disk, counted where they are moved, so that a job can tell what it cost: a
 * model that is larger than memory is read again for every pass.
 */

/** Bytes. */
export interface DiskTraffic {
  /** Of opened models and of exports that are checked. */
  files_read: number;
  /** Of weights and states that a job put aside. */
  scratch_read: number;
  scratch_written: number;
  exports_written: number;
}

const moved: DiskTraffic = { files_read: 0, scratch_read: 0, scratch_written: 0, exports_written: 0 };

export function countTraffic(kind: keyof DiskTraffic, bytes: number): void {
  moved[kind] += bytes;
}

/** Since the thread began, or since an earlier answer. */
export function diskTraffic(since?: DiskTraffic): DiskTraffic {
  const kinds = Object.keys(moved) as (keyof DiskTraffic)[];
  return Object.fromEntries(kinds.map((kind) => [kind, moved[kind] - (since?.[kind] ?? 0)])) as unknown as DiskTraffic;
}
