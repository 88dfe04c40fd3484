/**
 * @file Conversations, a JSON list of messages a line, made when the app is built: general knowledge written for Whittle, tasks
 * with computed answers, and requests about passages of the Brown corpus' fiction. The parts share no topic, no document and no seed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrownSplit, brownDocument, brownFolder, isOfSplit } from '../brown.ts';
import { diceOf, type Exchange, PASSAGE_TASKS, pick, TASKS } from './chat_tasks.ts';
import { TOPICS } from './chat_topics.ts';

export interface Message {
  role: 'user' | 'assistant';
  content: string;
}

const SEEDS: Readonly<Record<BrownSplit, number>> = { calibration: 7, evaluation: 3 };
/** K to R: fiction. */
const FICTION = /^c[k-r]\d\d$/;
/** Of this many conversations one is about a topic (as long as there are some) and one a task. */
const ROUND = 4;

/** @param bytes At least so many of conversations, as JSON Lines. */
export function chatText(split: BrownSplit, bytes: number): string {
  const lines: string[] = [];
  let length = 0;
  for (const conversation of conversations(split)) {
    if (length >= bytes) break;
    lines.push(`${JSON.stringify(conversation)}\n`);
    length += Buffer.byteLength(lines[lines.length - 1]);
  }
  return lines.join('');
}

function* conversations(split: BrownSplit): Iterable<Message[]> {
  const dice = diceOf(SEEDS[split]);
  const topics = TOPICS.filter((_, i) => i % 2 === (split === 'calibration' ? 0 : 1));
  const passages = passagesOf(split);
  for (let i = 0; ; i++) {
    const topic = i % ROUND === 0 ? topics[i / ROUND] : undefined;
    if (topic) yield messages([topic[0], topic[1]], [topic[2], topic[3]]);
    else if (i % ROUND === 2) yield messages(...Array.from({ length: 1 + dice(3) }, () => pick(dice, TASKS)(dice)));
    else {
      const sentences = passages.next().value;
      if (!sentences) return;
      const asked = 2 + dice(3);
      yield messages(pick(dice, PASSAGE_TASKS)(dice, sentences.slice(0, asked), sentences.slice(asked)));
    }
  }
}

function messages(...exchanges: readonly Exchange[]): Message[] {
  return exchanges.flatMap(([request, answer]): Message[] => [
    { role: 'user', content: request },
    { role: 'assistant', content: answer },
  ]);
}

/** Five sentences each and more, from the documents in turn. */
function* passagesOf(split: BrownSplit, folder = brownFolder()): Generator<string[], undefined> {
  const names = readdirSync(folder).filter((name) => /^c[a-r]\d\d$/.test(name));
  const documents = names
    .sort()
    .filter((name, index) => isOfSplit(index, split) && FICTION.test(name))
    .map((name) => brownDocument(readFileSync(join(folder, name), 'latin1')).split('\n'));
  const most = Math.max(...documents.map((paragraphs) => paragraphs.length));
  for (let i = 0; i < most; i++) {
    for (const paragraphs of documents) {
      const sentences = paragraphs[i]?.match(/\S.*?[.!?]+["')]*(?=\s|$)/g);
      if (sentences && sentences.length >= 5) yield [...sentences];
    }
  }
  return undefined;
}
