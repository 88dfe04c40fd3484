/**
 * @file A session as one HTML file: no scripts, nothing from elsewhere, drawings inline, light and dark as the reader's system has
 * it. Opens in any browser, prints, and can be mailed. Pure.
 */
import { drawCurves, drawSpectra } from './draw_curves.ts';
import { colourOf, drawFront, isPoint, methodsOf } from './draw_front.ts';
import { drawMap, percent } from './draw_map.ts';
import { drawTraining } from './draw_training.ts';
import type { Named, ReportedModel, ReportedTraining, ReportPage } from './page.ts';
import { STYLE } from './style.ts';
import { escaped } from './svg.ts';

/** Nothing is ever fetched or run, whatever a recipe's or a model's name holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export function reportHtml(page: ReportPage): string {
  const colours = methodsOf(page.models);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Whittle">
<title>${escaped(page.title)} · Whittle</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escaped(page.title)}</h1><p>${escaped(summaryOf(page))}</p><p class="muted">Written by Whittle, ${escaped(dateOf(page.written))}</p></header>
<main>
${notes(page.notes)}
${section('Models', modelsTable(page, colours))}
${section('Quality against size', drawFront(page.models), 'Hollow: measured in the app. Filled: a verified file. The cross is the original; the line joins those that no other beats. Bars: one standard error.', frontKey(page.models, colours))}
${section('Perplexity, window by window', drawCurves(page.curves, curveColours(page, colours)), 'Mean over the windows so far.', curveKey(page, colours))}
${page.trainings.map((each) => section(each.title, drawTraining(each), trainingNote(each), TRAINING_KEY)).join('\n')}
${page.maps.map((map) => section(map.title, drawMap(map), `${capital(map.meaning)}: ${rangeOf(map.cells.map(({ value }) => value))}.`)).join('\n')}
${section('Eigenvalues', drawSpectra(page.spectra), 'Every site on one logarithmic scale; what is shaded is cut.')}
<div class="facts">
${facts('Model', page.model)}
${facts('Protocol', page.protocol)}
${facts('Settings', page.settings)}
${facts('Environment', page.environment)}
</div>
</main>
</body>
</html>
`;
}

/** One sentence with what a reader wants first: the smallest model, and what it costs. */
export function summaryOf({ models }: Pick<ReportPage, 'models'>): string {
  const points = models.filter(isPoint);
  const dense = points.find(({ kind }) => kind === 'dense');
  const made = points.filter(({ kind }) => kind !== 'dense');
  if (!dense || made.length === 0) return 'The model as it is; nothing smaller was measured yet.';
  const smallest = made.reduce((least, each) => (each.bytes < least.bytes ? each : least));
  const size = percent(smallest.bytes / dense.bytes);
  return `${made.length === 1 ? 'One smaller model' : `${made.length} measured models`}; the smallest has ${size} of the original’s bytes at ${(smallest.perplexity / dense.perplexity).toPrecision(4)} times its perplexity (${smallest.label}).`;
}

function section(title: string, content: string, note = '', key = ''): string {
  if (content === '') return '';
  const under = note === '' ? '' : `<p class="muted">${escaped(note)}</p>`;
  return `<section><h2>${escaped(title)}</h2>${key}${content}${under}</section>`;
}

function notes(lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<section class="notes"><h2>To be known</h2><ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul></section>`;
}

function modelsTable({ columns, models }: ReportPage, colours: readonly string[]): string {
  const head = ['Model', ...columns].map(
    (name, at) => `<th scope="col"${at > 0 ? ' class="number"' : ''}>${escaped(name)}</th>`,
  );
  const rows = models.map((model) => {
    const mark = `<i class="dot ${colourOf(model, colours)} ${model.kind}"></i>`;
    const cells = model.cells.map((cell) => `<td class="number">${escaped(cell)}</td>`).join('');
    return `<tr><th scope="row">${mark}${escaped(model.label)}</th>${cells}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function key(items: readonly (readonly [colour: string, label: string])[]): string {
  return `<ul class="key">${items.map(([colour, label]) => `<li><i class="dot ${colour}"></i>${escaped(label)}</li>`).join('')}</ul>`;
}

function frontKey(models: readonly ReportedModel[], colours: readonly string[]): string {
  const dense = models.some(({ kind }) => kind === 'dense') ? [['dense', 'original'] as const] : [];
  return key([
    ...dense,
    ...colours.map((methods) => [colourOf({ methods } as ReportedModel, colours), methods] as const),
  ]);
}

/** As the models of the same name have them; the first is the original's. */
function curveColours({ curves, models }: ReportPage, colours: readonly string[]): string[] {
  return curves.map(({ label }) => {
    const model = models.find((each) => each.label === label);
    return model ? colourOf(model, colours) : 'dense';
  });
}

function curveKey(page: ReportPage, colours: readonly string[]): string {
  const classes = curveColours(page, colours);
  return key(page.curves.map(({ label }, at) => [classes[at], label] as const));
}

const TRAINING_KEY = key([
  ['series-1', 'training windows'],
  ['dense', 'held-out windows'],
]);

function trainingNote({ objective, windows: { training, held_out, seqlen }, notes: lines }: ReportedTraining): string {
  return [
    `${capital(objective)}; ${training} ${training === 1 ? 'window' : 'windows'} of ${seqlen} tokens, ${held_out} held out.`,
    ...lines,
  ].join(' ');
}

function facts(title: string, all: readonly Named[]): string {
  if (all.length === 0) return '';
  const rows = all.map(({ name, value }) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`);
  return `<section><h2>${escaped(title)}</h2><dl>${rows.join('')}</dl></section>`;
}

function rangeOf(values: readonly number[]): string {
  const some = values.filter(Number.isFinite);
  return some.length === 0 ? 'none' : `from ${percent(Math.min(...some))} to ${percent(Math.max(...some))}`;
}

function dateOf(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
