/** @file What the engine of a headless job measured, as a metrics log: see {@link MetricsLog}. */

import type { MetricsLog } from '../engine/metrics/metrics.ts';
import type { CommandKind, Commands, EngineEvent } from '../engine/protocol.ts';
import type { Driver } from './browser.ts';
import type { PageRequest } from './page_protocol.ts';

/** The same driver; what passes through it is logged. */
export function logged(driver: Driver, log: MetricsLog): Driver {
  return {
    async run<K extends CommandKind>(
      kind: K,
      request: PageRequest<K>,
      onEvent?: (event: EngineEvent) => void,
    ): Promise<Commands[K]['result']> {
      const result = await driver.run(kind, request, (event) => {
        log.event(kind, event);
        onEvent?.(event);
      });
      log.result(kind, result);
      return result;
    },
    save: (folder, file, path) => driver.save(folder, file, path),
  };
}
