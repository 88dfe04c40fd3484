/**
 * @file A chart as a file of its own: the drawing as it stands on the page, with title, figures, legend and protocol around it.
 * Colours of the theme are resolved, so that the picture looks the same wherever it is opened.
 */

import { enlargement } from '../enlarged.ts';

const SVG = 'http://www.w3.org/2000/svg';
/** What a stylesheet or a variable may have set on a drawn element. */
const PAINT = [
  ...['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'opacity'],
  ...['stroke-linejoin', 'paint-order'],
  ...['font-size', 'font-weight', 'text-anchor', 'visibility'],
];
const FONT = 'system-ui, sans-serif';
const [PAD, LINE] = [16, 18];

/** @param card The section of a chart: its heading, `.chart-canvas`, summary, legend and note. Null while nothing is drawn. */
export function chartSvg(card: HTMLElement): SVGSVGElement | null {
  const drawing = card.querySelector<SVGSVGElement | HTMLCanvasElement>(
    '.chart-canvas :is(svg.recharts-surface, svg.plot, canvas)',
  );
  if (!drawing) return null;
  const box = drawing.getBoundingClientRect();
  const [width, height] = [box.width, box.height].map((length) => length / enlargement());
  const picture = document.createElementNS(SVG, 'svg');
  const colours = getComputedStyle(card);
  const ink = colours.getPropertyValue('--ink').trim();
  const muted = colours.getPropertyValue('--muted').trim();
  const ground = element('rect', { width: '100%', height: '100%', fill: colours.getPropertyValue('--ground').trim() });
  picture.append(ground);
  let y = PAD;
  const line = (text: string, attributes: Record<string, string>) => {
    for (const part of wrapped(text, width)) {
      y += LINE;
      picture.append(textAt(part, PAD, y - 5, attributes));
    }
  };
  line(textOf(card.querySelector('h2')), { fill: ink, 'font-size': '15', 'font-weight': '600' });
  const summary = card.querySelector('.chart-summary');
  const figures = [...(summary?.children ?? [])].filter((each) => !each.matches('ul')).map(textOf);
  if (figures.some(Boolean)) line(figures.filter(Boolean).join('   '), { fill: ink, 'font-size': '12' });
  y += 6;
  const copy = copyOf(drawing);
  for (const [name, value] of Object.entries({ x: PAD / 2, y, width, height })) copy.setAttribute(name, String(value));
  picture.append(copy);
  y += height + 6;
  y = legend(picture, card.querySelectorAll('.legend li'), y, width, ink);
  line(textOf(card.querySelector('.chart-note')), { fill: muted, 'font-size': '11' });
  const whole = { width: width + PAD, height: y + PAD };
  picture.setAttribute('viewBox', `0 0 ${whole.width} ${whole.height}`);
  for (const [name, value] of Object.entries(whole)) picture.setAttribute(name, String(Math.ceil(value)));
  picture.setAttribute('font-family', FONT);
  return picture;
}

/** What is painted on a canvas is a picture in the picture. */
function copyOf(drawing: SVGSVGElement | HTMLCanvasElement): Element {
  if (drawing instanceof HTMLCanvasElement) return element('image', { href: drawing.toDataURL() });
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  paint(drawing, copy);
  return copy;
}

/** Marks and their words in a row, as many rows as it takes. Returns where it ends. */
function legend(picture: Element, items: NodeListOf<Element>, top: number, width: number, ink: string): number {
  let [x, y] = [PAD, top];
  for (const item of items) {
    const text = textOf(item);
    const length = 26 + text.length * 6.5;
    if (x > PAD && x + length > width) [x, y] = [PAD, y + LINE];
    const mark = item.querySelector('svg');
    const dot = item.querySelector('i');
    if (mark) {
      const copy = mark.cloneNode(true) as SVGSVGElement;
      paint(mark, copy);
      copy.setAttribute('x', String(x));
      copy.setAttribute('y', String(y + 2));
      picture.append(copy);
    } else if (dot) {
      const fill = getComputedStyle(dot).backgroundColor;
      picture.append(element('circle', { cx: String(x + 7), cy: String(y + 8), r: '5', fill }));
    }
    picture.append(textAt(text, x + 20, y + 12, { fill: ink, 'font-size': '12' }));
    x += length;
  }
  return items.length > 0 ? y + LINE : top;
}

/** Writes what the page paints an element with onto its copy. */
function paint(original: Element, copy: Element): void {
  const style = getComputedStyle(original);
  for (const name of PAINT) {
    const value = style.getPropertyValue(name);
    if (value !== '') copy.setAttribute(name, value.replaceAll('"', ''));
  }
  copy.removeAttribute('style');
  copy.removeAttribute('class');
  for (const [index, child] of [...original.children].entries()) paint(child, copy.children[index]);
}

/** Words that fit a width, at about 6 pixels a character. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && (last.length + word.length + 1) * 6 < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.filter(Boolean);
}

function textAt(text: string, x: number, y: number, attributes: Record<string, string>): Element {
  const written = element('text', { x: String(x), y: String(y), ...attributes });
  written.textContent = text;
  return written;
}

function element(name: string, attributes: Record<string, string>): Element {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function textOf(node: Element | null): string {
  return (node?.textContent ?? '').replace(/\s+/g, ' ').trim();
}

export function svgBlob(picture: SVGSVGElement): Blob {
  return new Blob([new XMLSerializer().serializeToString(picture)], { type: 'image/svg+xml' });
}

/** Twice as fine as the page, for slides and papers. */
const FINE = 2;

export async function pngBlob(picture: SVGSVGElement): Promise<Blob> {
  const [width, height] = ['width', 'height'].map((name) => Number(picture.getAttribute(name)));
  const url = URL.createObjectURL(svgBlob(picture));
  try {
    const image = new Image(width, height);
    image.src = url;
    await image.decode();
    const canvas = new OffscreenCanvas(width * FINE, height * FINE);
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: 'image/png' });
  } finally {
    URL.revokeObjectURL(url);
  }
}
