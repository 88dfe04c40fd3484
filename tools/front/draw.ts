/**
 * @file Draws quality against size of all runs of one or several reports as SVG, and prints them as a Markdown table:
 * `npx tsx tools/front/draw.ts OUT.svg REPORT.json [REPORT.json …]`, where a report comes of
 * `npm run slice -- --model … --format none --recipe … --recipe …`. Points that nothing smaller beats are joined and named.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { requireMethod } from '../../src/compress/registry.ts';
import type { Report, RunSummary } from '../../src/engine/report.ts';

type Group = 'prune' | 'quantise' | 'factor' | 'slice';

interface Point {
  readonly recipe: string;
  readonly group: Group;
  readonly bytes: number;
  readonly kl: number;
  readonly run: RunSummary;
}

const GROUPS: Readonly<Record<Group, { label: string; shape: string }>> = {
  quantise: { label: 'integers', shape: 'circle' },
  prune: { label: 'pruning', shape: 'square' },
  factor: { label: 'low rank', shape: 'triangle' },
  slice: { label: 'slicing', shape: 'diamond' },
};

const WIDTH = 860;
const HEIGHT = 480;
const EDGE = { left: 64, right: 24, top: 40, bottom: 48 };

function groupOf({ steps }: RunSummary): Group {
  const groups = steps.map(({ method }) => requireMethod(method).about.group);
  return (groups.filter((group) => group in GROUPS).at(-1) ?? 'quantise') as Group;
}

function pointsOf(reports: readonly Report[]): Point[] {
  const runs = reports.flatMap((report) => report.runs);
  return runs.flatMap((run) =>
    run.kl_divergence === undefined
      ? []
      : [{ recipe: run.recipe, group: groupOf(run), bytes: run.bytes, kl: Math.max(run.kl_divergence, 1e-5), run }],
  );
}

/** Points that nothing of as few bytes beats, the smallest first. */
function frontOf(points: readonly Point[]): Point[] {
  const front: Point[] = [];
  for (const point of [...points].sort((a, b) => a.bytes - b.bytes || a.kl - b.kl)) {
    if (front.every(({ kl }) => point.kl < kl)) front.push(point);
  }
  return front;
}

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

/** Short enough to stand beside a point. */
function shortName({ recipe, run }: Point): string {
  if (run.solver) return `target size ${(run.solver.target_bytes / 1e6).toPrecision(3)} MB`;
  if (run.steps.length === 1 && run.steps[0].method === 'slicegpt')
    return `slicegpt:sparsity=${run.steps[0].options.sparsity}`;
  return recipe.length > 44 ? `${recipe.slice(0, 43)}…` : recipe;
}

function svg(points: readonly Point[], { model }: Report): string {
  const sizes = points.map(({ bytes }) => bytes / 1e6);
  const [low, high] = [0.9 * Math.min(...sizes), 1.03 * Math.max(model.bytes / 1e6, ...sizes)];
  const decades = points.map(({ kl }) => Math.log10(kl));
  const [bottom, top] = [Math.floor(Math.min(...decades)), Math.ceil(Math.max(...decades))];
  const x = (bytes: number) => EDGE.left + ((bytes / 1e6 - low) / (high - low)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (kl: number) => EDGE.top + ((top - Math.log10(kl)) / (top - bottom)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const lines: string[] = [];
  for (let decade = bottom; decade <= top; decade++) {
    const at = y(10 ** decade).toFixed(1);
    lines.push(`<line class="grid" x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${at}" y2="${at}"/>`);
    lines.push(`<text x="${EDGE.left - 8}" y="${at}" dy="4" text-anchor="end">${10 ** decade}</text>`);
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
  lines.push(`<text x="${dense}" y="${EDGE.top - 8}" text-anchor="end">as opened</text>`);
  const front = frontOf(points);
  const path = front.map(({ bytes, kl }) => `${x(bytes).toFixed(1)},${y(kl).toFixed(1)}`).join(' ');
  lines.push(`<polyline class="front" points="${path}"/>`);
  for (const point of points) {
    const title = `<title>${escaped(`${point.recipe}: ${(point.bytes / 1e6).toFixed(2)} MB, KL ${point.kl.toPrecision(3)}`)}</title>`;
    lines.push(`<g>${title}${mark(point, x(point.bytes), y(point.kl))}</g>`);
  }
  const used = (Object.keys(GROUPS) as Group[]).filter((group) => points.some((point) => point.group === group));
  used.forEach((group, i) => {
    const left = EDGE.left + 8 + 110 * i;
    lines.push(
      mark({ group }, left, EDGE.top - 22),
      `<text x="${left + 12}" y="${EDGE.top - 18}">${GROUPS[group].label}</text>`,
    );
  });
  lines.push(`<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">MB of weights</text>`);
  lines.push(
    `<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">KL divergence from the model as opened</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(model.name)}: divergence against size">
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>
${lines.join('\n')}
</svg>
`;
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

const STYLE = `
svg{font:12px system-ui,sans-serif}text{fill:#444}.paper{fill:#fff}.grid{stroke:#e4e4e4}.dense{stroke:#999;stroke-dasharray:3 4}
.front{fill:none;stroke:#0a6;stroke-width:1.5}.quantise{fill:#2563eb}.prune{fill:#c2410c}.factor{fill:#7c3aed}.slice{fill:#15803d}
@media (prefers-color-scheme:dark){text{fill:#ccc}.paper{fill:#16181c}.grid{stroke:#30343b}.dense{stroke:#777}.front{stroke:#3c9}
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
