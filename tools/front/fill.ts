/**
 * @file Puts the figures of a report into the tables of Markdown files:
 * `npx tsx tools/front/fill.ts NAME REPORT.json FILE.md [FILE.md …]`. A table is filled where the last comment before it is
 * `<!-- figures of NAME -->`; a row where its first cell is a recipe of the report, or "target of 2.80 MB" is one of its sizes. Columns go by
 * their headings. Rows without a run stay as they are, and are named.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Report, RunSummary } from '../../src/engine/report.ts';

const COLUMNS: Readonly<Record<string, (run: RunSummary) => string>> = {
  MB: ({ bytes }) => megabytes(bytes),
  perplexity: ({ perplexity }) => perplexity.toFixed(2),
  KL: ({ kl_divergence = Number.NaN }) => klText(kl_divergence),
  'same top-1': ({ top1_agreement = Number.NaN }) => `${(100 * top1_agreement).toFixed(1)} %`,
  'products (M)': ({ multiplications_per_token }) => (multiplications_per_token / 1e6).toFixed(2),
};

const [name, path, ...files] = process.argv.slice(2);
const { runs } = JSON.parse(readFileSync(path, 'utf8')) as Pick<Report, 'runs'>;
for (const file of files) {
  let isOurs = false;
  let headings: string[] = [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => {
      const [, of] = /^<!-- figures of (\S+) -->$/.exec(line) ?? [];
      if (of) isOurs = of === name;
      if (!line.startsWith('|')) headings = [];
      if (!isOurs || !line.startsWith('| ')) return line;
      const cells = line.slice(1, -1).split(' | ');
      if (headings.length === 0) headings = cells.map((cell) => cell.trim());
      if (headings[0] !== 'recipe' || /^recipe$|^---/.test(cells[0].trim())) return line;
      const run = runOf(cells[0]);
      if (!run) {
        console.info(`${file}: no run of ${cells[0].trim()}`);
        return line;
      }
      const figures = headings.slice(1).map((heading, i) => COLUMNS[heading]?.(run) ?? cells[i + 1].trim());
      return `| ${[cells[0].trim(), ...figures].join(' | ')} |`;
    });
  writeFileSync(file, lines.join('\n'));
}

function runOf(cell: string): RunSummary | undefined {
  const size = /target (?:of|size) ([\d.]+ MB)/.exec(cell)?.[1];
  if (size) return runs.find(({ solver }) => solver && `${megabytes(solver.target_bytes)} MB` === size);
  const recipe = /`(.*)`/.exec(cell)?.[1];
  return runs.find((run) => !run.solver && run.recipe === recipe);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}

/** Two figures: 0.034, 8.3e-5. */
function klText(value: number): string {
  return value < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(2)));
}
