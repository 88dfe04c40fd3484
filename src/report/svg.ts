/** @file SVG as text: elements, and the axes that all drawings of a report share. Pure. */

export type Attributes = Readonly<Record<string, string | number | undefined>>;

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? short(value) : String(value))}"`)
    .join('');
  return `<${name}${written}>${children.join('')}</${name}>`;
}

export function textAt(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escaped(text));
}

/** Hundredths of a pixel. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export function frameOf(width: number, height: number, margins = { left: 64, right: 20, top: 12, bottom: 40 }): Frame {
  const { left, right, top, bottom } = margins;
  return { width, height, left, right: width - right, top, bottom: height - bottom };
}

/** @param label What is drawn, for those who do not see it. */
export function drawing({ width, height }: Pick<Frame, 'width' | 'height'>, label: string, ...parts: string[]): string {
  return element(
    'svg',
    { viewBox: `0 0 ${short(width)} ${short(height)}`, width, role: 'img', 'aria-label': label },
    ...parts,
  );
}

export interface Tick {
  at: number;
  text: string;
}

export function axes(
  { left, right, top, bottom }: Frame,
  { x, y, xLabel, yLabel }: { x: readonly Tick[]; y: readonly Tick[]; xLabel: string; yLabel: string },
): string {
  return [
    ...y.map(({ at }) => element('path', { class: 'grid', d: `M${short(left)} ${short(at)}H${short(right)}` })),
    element('path', { class: 'axis', d: `M${short(left)} ${short(top)}V${short(bottom)}H${short(right)}` }),
    ...y.map(({ at, text }) => textAt(left - 8, at + 4, text, { 'text-anchor': 'end' })),
    ...x.map(({ at, text }) => textAt(at, bottom + 16, text, { 'text-anchor': 'middle' })),
    textAt((left + right) / 2, bottom + 34, xLabel, { 'text-anchor': 'middle' }),
    element(
      'text',
      { transform: `translate(12 ${short((top + bottom) / 2)}) rotate(-90)`, 'text-anchor': 'middle' },
      escaped(yLabel),
    ),
  ].join('');
}
