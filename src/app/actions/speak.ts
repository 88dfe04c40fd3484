/** @file One prompt to several models, one after the other; and one text under the microscope of two. */
import type { Prompt, TokenLosses } from '../../engine/protocol.ts';
import { type ErrorCode, toErrorData } from '../../errors/errors.ts';
import type { JobStep } from '../store/job.ts';
import { changeVoice, type Speaker, type SpeakSettings, type Voice } from '../store/voices.ts';
import type { Studio } from '../studio.ts';
import { isOccupied, runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

/** After these the other models do not write either. */
const ENDS_ALL: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['cancelled', 'engine_stopped', 'engine_stalled']);

/** @param show Gets the texts whenever something was written. A model that fails does not keep the others from writing. */
export async function writeTexts(
  studio: Studio,
  speakers: readonly Speaker[],
  prompt: Prompt,
  { max_tokens, ...sampling }: SpeakSettings,
  show: (change: (voices: readonly Voice[]) => readonly Voice[]) => void,
): Promise<void> {
  if (isOccupied(studio)) return;
  const steps: JobStep[] = speakers.map(({ label }) => ({ command: 'generate', label: `Writing: ${label}` }));
  const change = (key: string, of: (voice: Voice) => Partial<Voice>) => show((voices) => changeVoice(voices, key, of));
  show(() => speakers.map((speaker) => ({ ...speaker, state: 'waiting', text: '' })));
  await runJob(studio, 'speak', 'Writing texts', steps, async (job) => {
    for (const { key, target, file } of speakers) {
      change(key, () => ({ state: 'writing' }));
      try {
        const request = { target, ...(file && { file }), prompt, sampling, max_tokens };
        const result = await job.run('generate', request, (event) => {
          if (event.type === 'text') change(key, ({ text }) => ({ text: text + event.piece }));
        });
        change(key, () => ({ state: 'done', text: result.text, result }));
      } catch (thrown) {
        const error = toErrorData(thrown);
        if (job.signal.aborted || ENDS_ALL.has(error.code)) throw thrown;
        change(key, () => ({ state: 'failed', error }));
      }
    }
  });
  show((voices) =>
    voices.map((voice) =>
      voice.state === 'writing' || voice.state === 'waiting' ? { ...voice, state: 'stopped' } : voice,
    ),
  );
  await previewIfWanted(studio);
}

/** @param text Absent: the first window of the evaluation text. Null where it was cancelled or failed: the job says so. */
export async function lookAtTokens(
  studio: Studio,
  run: string,
  text?: string,
): Promise<{ dense: TokenLosses; compressed: TokenLosses } | null> {
  if (isOccupied(studio)) return null;
  let found: { dense: TokenLosses; compressed: TokenLosses } | null = null;
  const steps = ['dense', 'compressed'].map((label) => ({
    command: 'token_losses' as const,
    label: `Tokens: ${label}`,
  }));
  await runJob(studio, 'tokens', 'Looking at tokens', steps, async (job) => {
    const own = text === undefined ? {} : { text };
    const dense = await job.run('token_losses', { target: 'dense', ...own });
    found = { dense, compressed: await job.run('token_losses', { target: run, ...own }) };
  });
  await previewIfWanted(studio);
  return found;
}
