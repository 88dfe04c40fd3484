/** @file What all charts share: quiet axes, no animation (values change while they are read), one hatch for "cut away". */

export const AXIS = {
  tick: { fill: 'var(--muted)', fontSize: 11 },
  tickLine: false,
  axisLine: { stroke: 'var(--line-strong)' },
} as const;

export const GRID = { stroke: 'var(--line)', vertical: false } as const;

export const MARGIN = { top: 12, right: 16, bottom: 4, left: 0 } as const;

export function axisLabel(value: string) {
  return { value, position: 'insideBottom', offset: -2, fill: 'var(--muted)', fontSize: 11 } as const;
}
