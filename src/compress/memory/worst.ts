/** @file Of several jobs' memory, the most. */
import type { JobMemory } from '../slicegpt/estimate.ts';

/** The most of each kind; the breakdown is that of the part that needs most of the device. */
export function worstOf(parts: readonly JobMemory[]): JobMemory {
  const most = parts.reduce((worst, each) => (each.device_bytes > worst.device_bytes ? each : worst));
  const largest = (of: (memory: JobMemory) => number) => Math.max(...parts.map(of));
  return {
    ...most,
    host: { stored_layer: largest(({ host }) => host.stored_layer), readback: largest(({ host }) => host.readback) },
    storage: {
      spill: largest(({ storage }) => storage.spill),
      weights: largest(({ storage }) => storage.weights),
      bases: largest(({ storage }) => storage.bases),
    },
  };
}
