/** @file What people call sessions. */
import { putSessionInfo, type SessionInfo } from '../../platform/session_records.ts';
import type { Studio } from '../studio.ts';
import { keeperOf } from './keep.ts';

/** An empty name is the model's again. */
export async function renameSession(studio: Studio, info: SessionInfo, name: string): Promise<void> {
  await putSessionInfo({ ...info, name: name.trim() || info.model });
  await keeperOf(studio)?.look();
}
