import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BrownSplit, brownDocument, brownFolder, DEMO_TEXT_BYTES } from '../brown.ts';
import { articleNames, articleTitle } from './articles.ts';
import type { Message } from './chat.ts';
import { diceOf, TASKS } from './chat_tasks.ts';
import { TOPICS } from './chat_topics.ts';
import { codeFiles } from './code.ts';
import { TEXT_FILES } from './texts.ts';

const SPLITS: readonly BrownSplit[] = ['calibration', 'evaluation'];
const made = new Map(
  [...TEXT_FILES].map(([name, text]) => [name, new TextDecoder('utf-8', { fatal: true }).decode(text())]),
);
const textOf = (name: string) => made.get(name) as string;

describe('texts that the built app ships', () => {
  it('have about the size of the prose, each', () => {
    for (const [name, text] of made) {
      const bytes = Buffer.byteLength(text);
      expect(bytes, name).toBeGreaterThan(DEMO_TEXT_BYTES * 0.98);
      expect(bytes, name).toBeLessThan(DEMO_TEXT_BYTES * 1.02);
    }
  });

  it('are the same whenever they are made', () => {
    for (const [name, text] of TEXT_FILES) expect(new TextDecoder().decode(text()), name).toBe(textOf(name));
  });

  it('do not calibrate on what they evaluate on: no line of 60 characters stands in both parts', () => {
    for (const name of ['#.txt', 'articles.#.txt', 'chat.#.jsonl']) {
      const [one, other] = SPLITS.map((split) => longLines(textOf(name.replace('#', split))));
      expect(one.size, name).toBeGreaterThan(100);
      expect(
        [...one].filter((line) => other.has(line)),
        name,
      ).toEqual([]);
    }
  });

  it('have no article that stands in the prose', () => {
    for (const split of SPLITS) {
      const prose = longLines(textOf(`${split}.txt`));
      expect([...longLines(textOf(`articles.${split}.txt`))].filter((line) => prose.has(line))).toEqual([]);
    }
  });
});

function longLines(text: string): Set<string> {
  return new Set(text.split('\n').filter((line) => line.length >= 60));
}

describe('articles', () => {
  it('take turns, each part under the title of its document', () => {
    for (const split of SPLITS) {
      const titles = [...textOf(`articles.${split}.txt`).matchAll(/^ = (.+) = $/gm)].map(([, title]) => title);
      expect(new Set(titles.slice(0, 13)).size).toBe(13);
      expect(titles[13]).toBe(titles[0]);
    }
  });

  it('have titles of their own as the list of the corpus has them', () => {
    const contents = readFileSync(join(brownFolder(), 'CONTENTS'), 'latin1');
    const title = (name: string) => articleTitle(contents, name);
    expect(title('cf17')).toBe('Transportation on the Northern Plains');
    expect(title('cf43')).toBe('Movies, Morals, and Art');
    expect(title('cj44')).toContain('Reorganization Transfers');
    expect(title('cj60')).toBe('The Future of Our Cities');
    const all = SPLITS.flatMap((split) => articleNames(split)).map(title);
    expect(all.filter((each) => !/^[A-Z'].{8,80}$/.test(each))).toEqual([]);
    expect(new Set(all).size).toBe(26);
  });

  it('are whole paragraphs of their documents', () => {
    const [name] = articleNames('evaluation');
    const [first] = brownDocument(readFileSync(join(brownFolder(), name), 'latin1')).split('\n');
    expect(textOf('articles.evaluation.txt')).toContain(`\n\n${first}\n`);
  });
});

describe('code', () => {
  it('is of files that belong to one part, in three languages that take turns', () => {
    const [one, other] = SPLITS.map((split) => codeFiles(split));
    expect(one.filter((path) => other.includes(path))).toEqual([]);
    for (const files of [one, other]) {
      expect(files.slice(0, 3).map((path) => path.split('.').pop())).toEqual([
        expect.stringMatching(/^tsx?$/),
        'wgsl',
        'py',
      ]);
      expect(files.some((path) => path.includes('.test.'))).toBe(false);
    }
  });
});

describe('chats', () => {
  it('are lines of messages that take turns, each with something in it', () => {
    for (const split of SPLITS) {
      for (const line of textOf(`chat.${split}.jsonl`).trim().split('\n')) {
        const messages = JSON.parse(line) as Message[];
        expect(messages.length % 2).toBe(0);
        messages.forEach(({ role, content }, i) => {
          expect(role).toBe(i % 2 === 0 ? 'user' : 'assistant');
          expect(content.trim(), line).not.toBe('');
        });
      }
    }
  });

  it('have every topic once, in one part', () => {
    const [one, other] = SPLITS.map((split) => textOf(`chat.${split}.jsonl`));
    TOPICS.forEach(([question], i) => {
      const quoted = JSON.stringify(question);
      expect([one, other].map((text) => text.split(`"content":${quoted}`).length - 1)).toEqual(i % 2 ? [0, 1] : [1, 0]);
    });
  });

  it('answer their tasks rightly', () => {
    const dice = diceOf(11);
    const asked = (kind: number) => TASKS[kind](dice);
    for (let i = 0; i < 40; i++) {
      const [cost, paid] = asked(0);
      const [count, price] = [/(\d+) [a-z]/.exec(cost)?.[1], /\$([\d.]+)/.exec(cost)?.[1]].map(Number);
      expect(paid.replaceAll(',', '')).toContain(`$${(count * price).toFixed(2)}`);
      const [share, told] = asked(1);
      const [, percent, base] = /(\d+) (?:%|percent) (?:of|off) (\d+)/.exec(share) ?? [];
      expect(told).toContain(` is ${(Number(percent) * Number(base)) / 100}:`);
      const [day, weekday] = asked(5);
      const date = new Date(`${/is (.+)\?/.exec(day)?.[1]} UTC`);
      expect(weekday).toContain(date.toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' }));
      const [words, sorted] = asked(4);
      expect(sorted.replace(/\d+\. /g, '').split('\n')).toEqual(
        (words.slice(words.indexOf(':') + 2, -1).split(', ') as string[]).sort(),
      );
    }
  });
});
