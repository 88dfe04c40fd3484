/** @file Figures of axes. Pure. */

/** Round numbers from below the least to above the most value, about `count` steps; and the domain they span. */
export function niceTicks(least: number, most: number, count = 5): { ticks: number[]; domain: [number, number] } {
  const range = most - least || Math.abs(most) || 1;
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) as number);
  const first = Math.floor(least / step);
  const last = Math.ceil(most / step);
  const ticks: number[] = [];
  for (let at = first; at <= last; at++) ticks.push(Number((at * step).toPrecision(12)));
  return { ticks, domain: [ticks[0], ticks[ticks.length - 1]] };
}

/** Powers of ten around the values, with 2 and 5 between them while there are few. Values above 0. */
export function logTicks(least: number, most: number): { ticks: number[]; domain: [number, number] } {
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const all: number[] = [];
  for (let power = first; power <= last; power++) for (const factor of factors) all.push(Number(`${factor}e${power}`));
  const below = all.filter((tick) => tick <= least).at(-1) ?? all[0];
  const above = all.find((tick) => tick >= most) ?? (all.at(-1) as number);
  return { domain: [below, above], ticks: all.filter((tick) => tick >= below && tick <= above) };
}
