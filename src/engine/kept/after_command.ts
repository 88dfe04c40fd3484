/** @file What is written down after which command, so that it outlives the engine. */
import { toErrorData } from '../../errors/errors.ts';
import type { EnginePlatform } from '../platform.ts';
import type { CommandKind, Commands } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { keepDense, keepRun, runRecordName } from './run_records.ts';

/** Never fails the command, which is done: a run that could not be written down says so in its report. */
export async function afterCommand<K extends CommandKind>(
  state: EngineState,
  platform: EnginePlatform,
  kind: K,
  request: Commands[K]['request'],
  result: Commands[K]['result'],
): Promise<void> {
  if (!platform.kept) return;
  if (kind === 'compress') {
    const report = result as Commands['compress']['result'];
    const unkept = await failureOf(keepRun(state, platform, report.id));
    if (unkept) report.unkept = unkept;
  } else if (kind === 'evaluate' || kind === 'export') {
    const id = 'target' in request ? (request.target as string) : (request as Commands['export']['request']).id;
    await failureOf(id === 'dense' ? keepDense(state, platform) : keepRun(state, platform, id));
  } else if (kind === 'discard') {
    await failureOf(platform.kept.remove(runRecordName((request as Commands['discard']['request']).id)));
  }
}

async function failureOf(work: Promise<void>) {
  return work.then(
    () => undefined,
    (thrown) => toErrorData(thrown),
  );
}
