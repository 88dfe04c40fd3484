/**
 * @file JSON Lines: one JSON object a line, in UTF-8 (jsonlines.org). Read a few megabytes at a time, so that a file of any
 * size costs no more than its objects; every fault names its line and field.
 */
import { WhittleError } from '../../errors/errors.ts';
import { Entry } from './entry.ts';

const READ_BYTES = 4 * 1024 * 1024;

/**
 * The objects of a file in order. Empty lines and a byte-order mark are passed over.
 * @param limit Read no more than so many.
 * @throws `bad_jsonl`.
 */
export async function* readJsonl(
  name: string,
  blob: Blob,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Entry, void> {
  let line = 0;
  let found = 0;
  for await (const text of linesOf(name, blob)) {
    line++;
    if (text.trim() === '') continue;
    if (found++ >= limit) return;
    yield new Entry(name, line, parsed(text, name, line));
  }
}

function parsed(text: string, name: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    if (line === 1 && text.trimStart().startsWith('[')) throw isList(name);
    const why = thrown instanceof Error ? thrown.message.replace(/\.$/, '') : String(thrown);
    throw new WhittleError({
      code: 'bad_jsonl',
      message: `This line is not JSON: ${why}.`,
      place: { file: name, line },
      allowed: 'JSON Lines: one object a line, with no line break inside',
      action: 'Mend the line, or leave it out.',
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  if (line === 1 && Array.isArray(value)) throw isList(name);
  throw new WhittleError({
    code: 'bad_jsonl',
    message: `This line holds ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}, not an object.`,
    place: { file: name, line },
    allowed: 'an object with the fields of one example',
    action: 'Write every example as one object on a line of its own.',
  });
}

function isList(name: string): WhittleError {
  return new WhittleError({
    code: 'bad_jsonl',
    message: 'The file is a JSON list, not JSON Lines.',
    place: { file: name, line: 1 },
    allowed: 'one object a line, with no brackets around them all',
    action: 'Write each element on a line of its own: jq -c ".[]" FILE, or to_json(FILE, lines=True) in Python.',
  });
}

async function* linesOf(name: string, blob: Blob): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let line = 1;
  for (let start = 0; start < blob.size; start += READ_BYTES) {
    const end = Math.min(blob.size, start + READ_BYTES);
    const bytes = await blob.slice(start, end).arrayBuffer();
    let text: string;
    try {
      text = rest + decoder.decode(bytes, { stream: end < blob.size });
    } catch {
      throw new WhittleError({
        code: 'bad_jsonl',
        message: `The file is not valid UTF-8, at or after line ${line}.`,
        place: { file: name, line },
        allowed: 'JSON Lines in UTF-8',
        action: 'Save it as UTF-8.',
      });
    }
    const lines = text.split('\n');
    rest = lines.pop() ?? '';
    line += lines.length;
    yield* lines;
  }
  if (rest !== '') yield rest;
}
