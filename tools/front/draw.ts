/**
 * @file Draws quality against size of all runs of one or several reports as SVG, and prints them as a Markdown table:
 * `npx tsx tools/front/draw.ts OUT.svg REPORT.json [REPORT.json …]`, where a report comes of
 * `npm run slice -- --model … --format none --recipe … --recipe …`. Points that nothing smaller beats are joined, numbered and named below.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Report } from '../../src/engine/report.ts';
import { frontOf, GROUPS, type Group, type Point, pointsOf, shortName } from './points.ts';

const WIDTH = 860;
const HEIGHT = 480;
const EDGE = { left: 64, right: 24, top: 48, bottom: 48 };
const LINE = 18;

function mark({ group }: Pick<Point, 'group'>, x: number, y: number): string {
  const r = 5;
  const at = `class="${group}"`;
  const { shape } = GROUPS[group];
  if (shape === 'circle') return `<circle ${at} cx="${x}" cy="${y}" r="${r}"/>`;
  if (shape === 'square') return `<rect ${at} x="${x - r}" y="${y - r}" width="${2 * r}" height="${2 * r}"/>`;
  const corners = shape === 'triangle' ? [0, -6, 6, 5, -6, 5] : [0, -7, 7, 0, 0, 7, -7, 0];
  const path = corners.map((offset, i) => (i % 2 === 0 ? x + offset : y + offset).toFixed(1)).join(' ');
  return `<polygon ${at} points="${path}"/>`;
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function svg(points: readonly Point[], { model }: Report): string {
  const sizes = points.map(({ bytes }) => bytes / 1e6);
  const [low, high] = [0.9 * Math.min(model.bytes / 1e6, ...sizes), 1.03 * Math.max(model.bytes / 1e6, ...sizes)];
  const decades = points.map(({ kl }) => Math.log10(kl));
  const [bottom, top] = [Math.floor(Math.min(...decades)), Math.ceil(Math.max(...decades))];
  const x = (bytes: number) => EDGE.left + ((bytes / 1e6 - low) / (high - low)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (kl: number) => EDGE.top + ((top - Math.log10(kl)) / (top - bottom)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const lines: string[] = [];
  for (let decade = bottom; decade <= top; decade++) {
    const at = y(10 ** decade).toFixed(1);
    lines.push(`<line class="grid" x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${at}" y2="${at}"/>`);
    lines.push(
      `<text x="${EDGE.left - 8}" y="${at}" dy="4" text-anchor="end">${decade < -3 ? `1e${decade}` : Number((10 ** decade).toPrecision(1))}</text>`,
    );
  }
  const step = niceStep((high - low) / 7);
  for (let size = Math.ceil(low / step) * step; size <= high; size += step) {
    const at = x(1e6 * size).toFixed(1);
    lines.push(
      `<text x="${at}" y="${HEIGHT - EDGE.bottom + 18}" text-anchor="middle">${Number(size.toFixed(3))}</text>`,
    );
  }
  const dense = x(model.bytes).toFixed(1);
  lines.push(`<line class="dense" x1="${dense}" x2="${dense}" y1="${EDGE.top}" y2="${HEIGHT - EDGE.bottom}"/>`);
  lines.push(
    `<text x="${dense}" y="${EDGE.top - 8}" text-anchor="${Number(dense) > WIDTH / 2 ? 'end' : 'start'}">as opened</text>`,
  );
  const front = frontOf(points);
  const path = front.map(({ bytes, kl }) => `${x(bytes).toFixed(1)},${y(kl).toFixed(1)}`).join(' ');
  lines.push(`<polyline class="front" points="${path}"/>`);
  const numbers = numbered(front.map(({ bytes, kl }) => [x(bytes), y(kl)] as const));
  const height = HEIGHT + LINE * Math.ceil(front.length / 2) + 12;
  for (const point of points) {
    const title = `<title>${escaped(`${point.recipe}: ${(point.bytes / 1e6).toFixed(2)} MB, KL ${point.kl.toPrecision(3)}`)}</title>`;
    lines.push(`<g>${title}${mark(point, x(point.bytes), y(point.kl))}</g>`);
  }
  lines.push(...numbers, ...legend(front));
  const used = (Object.keys(GROUPS) as Group[]).filter((group) => points.some((point) => point.group === group));
  used.forEach((group, i) => {
    const left = EDGE.left + 8 + 100 * i;
    lines.push(
      mark({ group }, left, EDGE.top - 28),
      `<text x="${left + 12}" y="${EDGE.top - 24}">${GROUPS[group].label}</text>`,
    );
  });
  lines.push(`<text x="${WIDTH / 2}" y="${HEIGHT - 10}" text-anchor="middle">MB of weights</text>`);
  lines.push(
    `<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">KL divergence from the model as opened</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(model.name)}: divergence against size">
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
${lines.join('\n')}
</svg>
`;
}

/** Below and left of a point of the front is nothing: numbers stand there, further off where the last one is too close. */
function numbered(places: readonly (readonly [number, number])[]): string[] {
  const taken: (readonly [number, number])[] = [];
  return places.map(([x, y], i) => {
    const offsets = [12, 24, 36, 48].map((off) => [x - off * 0.8, y + off] as const);
    const isFree = ([left, top]: readonly [number, number]) =>
      taken.every(([a, b]) => Math.abs(a - left) > 15 || Math.abs(b - top) > 12);
    const at = offsets.find(isFree) ?? offsets[0];
    taken.push(at);
    const [left, top] = at.map((value) => value.toFixed(1));
    return `<text class="number" x="${left}" y="${top}" dy="4" text-anchor="middle">${i + 1}</text>`;
  });
}

/** Names of the front's points in two columns under the chart. */
function legend(front: readonly Point[]): string[] {
  const rows = Math.ceil(front.length / 2);
  return front.flatMap((point, i) => {
    const left = 24 + (i < rows ? 0 : WIDTH / 2);
    const top = HEIGHT + 8 + LINE * (i % rows);
    return [
      `<text class="number" x="${left + 12}" y="${top}" text-anchor="end">${i + 1}</text>`,
      mark(point, left + 24, top - 4),
      `<text class="name" x="${left + 36}" y="${top}">${escaped(shortName(point))}</text>`,
    ];
  });
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

const STYLE = `
svg{font:12px system-ui,sans-serif}text{fill:#444}.name{font-size:11px}.number{font-weight:600;fill:#075}.paper{fill:#fff}.grid{stroke:#e4e4e4}.dense{stroke:#999;stroke-dasharray:3 4}
.front{fill:none;stroke:#0a6;stroke-width:1.5}.quantise{fill:#2563eb}.prune{fill:#c2410c}.factor{fill:#7c3aed}.slice{fill:#15803d}
@media (prefers-color-scheme:dark){text{fill:#ccc}.number{fill:#5db}.paper{fill:#16181c}.grid{stroke:#30343b}.dense{stroke:#777}.front{stroke:#3c9}
.quantise{fill:#7aa5ff}.prune{fill:#ff9a62}.factor{fill:#b79bff}.slice{fill:#5fd38a}}`;

function table(points: readonly Point[]): string {
  const front = new Set(frontOf(points));
  const rows = [...points]
    .sort((a, b) => a.bytes - b.bytes)
    .map((point) => {
      const { run } = point;
      const top1 = run.top1_agreement === undefined ? '' : `${(100 * run.top1_agreement).toFixed(1)} %`;
      const name = front.has(point) ? `**\`${shortName(point)}\`**` : `\`${shortName(point)}\``;
      const megabytes = (point.bytes / 1e6).toFixed(2);
      return `| ${name} | ${megabytes} | ${run.perplexity.toFixed(2)} | ${point.kl.toPrecision(2)} | ${top1} |`;
    });
  return ['| recipe | MB | perplexity | KL | same top-1 |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

const [out, ...paths] = process.argv.slice(2);
const reports = paths.map((path) => JSON.parse(readFileSync(path, 'utf8')) as Report);
const points = pointsOf(reports);
writeFileSync(out, svg(points, reports[0]));
process.stdout.write(`${table(points)}\n`);
