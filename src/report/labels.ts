/** @file Labels beside points, none over another: which of them have room, and where. Pure. */

export interface LabelledPoint {
  x: number;
  y: number;
  text: string;
  /** Those with more are placed first; one that finds no room is left out. */
  weight: number;
}

export interface PlacedLabel {
  /** Index of its point. */
  index: number;
  x: number;
  /** Of the text's baseline. */
  y: number;
  anchor: 'start' | 'middle' | 'end';
}

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Of an 11-pixel label, about: sans-serif letters are half as wide as they are tall. */
const [CHARACTER, LINE] = [6, 13];
/** From a point's centre to its label; and what a mark takes. */
const [AWAY, MARK] = [10, 7];

/** At most `longest` characters: the beginning and the end of a name, of which `tail` stays whole, because it tells it from others. */
export function shortened(label: string, longest: number, tail = 0): string {
  if (label.length <= longest) return label;
  const end = Math.min(tail, longest - 2);
  return `${label.slice(0, longest - 1 - end)}…${end > 0 ? label.slice(-end) : ''}`;
}

/** Each label beside its point, right, left, above or below, within `area`, over no mark and no other label. */
export function placeLabels(points: readonly LabelledPoint[], area: Box): PlacedLabel[] {
  const taken = points.map(({ x, y }) => ({ left: x - MARK, right: x + MARK, top: y - MARK, bottom: y + MARK }));
  const marks = taken.length;
  const placed: PlacedLabel[] = [];
  const order = points.map((_, index) => index).sort((a, b) => points[b].weight - points[a].weight);
  for (const index of order) {
    for (const candidate of candidates(points[index], index)) {
      const box = boxOf(candidate, points[index].text);
      const isInside =
        box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;
      const isFree = taken.every((other, at) => (at === index && at < marks) || !overlaps(box, other));
      if (!isInside || !isFree) continue;
      taken.push(box);
      placed.push(candidate);
      break;
    }
  }
  return placed.sort((a, b) => a.index - b.index);
}

function candidates({ x, y }: LabelledPoint, index: number): PlacedLabel[] {
  return [
    { index, x: x + AWAY, y: y + 4, anchor: 'start' },
    { index, x: x - AWAY, y: y + 4, anchor: 'end' },
    { index, x, y: y - AWAY, anchor: 'middle' },
    { index, x, y: y + AWAY + 9, anchor: 'middle' },
    { index, x: x + AWAY, y: y - 8, anchor: 'start' },
    { index, x: x + AWAY, y: y + 16, anchor: 'start' },
    { index, x: x - AWAY, y: y - 8, anchor: 'end' },
    { index, x: x - AWAY, y: y + 16, anchor: 'end' },
  ];
}

export function boxOf({ x, y, anchor }: PlacedLabel, text: string): Box {
  const width = text.length * CHARACTER;
  const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
  return { left, right: left + width, top: y - LINE + 3, bottom: y + 3 };
}

export function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
