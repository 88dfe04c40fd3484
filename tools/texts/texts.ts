/** @file The texts that the built app ships, by the names of their files. All are made when they are asked for; none is committed. */
import { type BrownSplit, DEMO_TEXT_BYTES, demoText } from '../brown.ts';
import { articlesText } from './articles.ts';
import { chatText } from './chat.ts';
import { codeText } from './code.ts';

const SPLITS: readonly BrownSplit[] = ['calibration', 'evaluation'];

/** File names below `demo/`, as `engine/texts/kinds.ts` asks for them. */
export const TEXT_FILES: ReadonlyMap<string, () => Uint8Array> = new Map(
  SPLITS.flatMap(
    (split) =>
      [
        [`${split}.txt`, () => demoText(split)],
        [`articles.${split}.txt`, () => cut(articlesText(split))],
        [`code.${split}.txt`, () => cut(codeText(split, DEMO_TEXT_BYTES))],
        // Whole lines: half a conversation is none.
        [`chat.${split}.jsonl`, () => new TextEncoder().encode(chatText(split, DEMO_TEXT_BYTES))],
      ] as const,
  ),
);

/** The first {@link DEMO_TEXT_BYTES} bytes, ended at a line. */
function cut(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= DEMO_TEXT_BYTES) return bytes;
  return bytes.subarray(0, bytes.lastIndexOf(0x0a, DEMO_TEXT_BYTES - 1) + 1);
}
