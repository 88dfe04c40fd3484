/**
 * @file Encyclopaedic prose in the form of WikiText (`= Title =`, then paragraphs): the popular lore and the learned texts of
 * the Brown corpus. They are of the same splits as the built-in prose, but of other documents than it has.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrownSplit, brownDocument, brownFolder, isOfSplit } from '../brown.ts';

/** F: popular lore, J: learned. */
const ARTICLE = /^c[fj]\d\d$/;
/** About so many characters of a document, then of the next: few windows see several subjects. */
const PART = 2_500;

/** Names of the documents of a split, in their order. */
export function articleNames(split: BrownSplit, folder = brownFolder()): string[] {
  return readdirSync(folder)
    .filter((name) => /^c[a-r]\d\d$/.test(name))
    .sort()
    .filter((name, index) => isOfSplit(index, split) && ARTICLE.test(name));
}

export function articlesText(split: BrownSplit, folder = brownFolder()): string {
  const contents = readFileSync(join(folder, 'CONTENTS'), 'latin1');
  const articles = articleNames(split, folder).map((name) => {
    const paragraphs = brownDocument(readFileSync(join(folder, name), 'latin1')).split('\n');
    return { title: articleTitle(contents, name), parts: partsOf(paragraphs) };
  });
  const most = Math.max(...articles.map(({ parts }) => parts.length));
  return Array.from({ length: most }, (_, i) => i)
    .flatMap((i) => articles.flatMap(({ title, parts }) => (i < parts.length ? [` = ${title} = \n\n${parts[i]}`] : [])))
    .join('\n\n');
}

function partsOf(paragraphs: readonly string[]): string[] {
  const parts: string[] = [];
  for (const paragraph of paragraphs) {
    const last = parts.at(-1);
    if (last !== undefined && last.length < PART) parts[parts.length - 1] = `${last}\n\n${paragraph}`;
    else parts.push(paragraph);
  }
  return parts;
}

/** Of the corpus' list of texts: what stands in quotes, else what stands behind the author, before place and publisher. */
export function articleTitle(contents: string, name: string): string {
  const start = contents.indexOf(`\n${name.slice(1).toUpperCase()}. `) + '\nF01. '.length;
  const lines = contents.slice(start, start + 300).split('\n');
  const quoted = /"+([^"]+)"/.exec(lines.slice(0, 2).join(' '))?.[1] ?? HEADED[name];
  const title = quoted ?? lines[0].replace(AUTHOR, '');
  return title.replace(/\s+/g, ' ').replace(/[,.\s]+$/, '');
}

const AUTHOR = /^.*?, (?:(?:Jr|S\.J)\., )?/;
/** Of a magazine whose own name is all that the list's first lines say. */
const HEADED: Readonly<Record<string, string>> = { cf07: 'How to Have a Successful Honeymoon' };
