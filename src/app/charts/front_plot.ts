/** @file Where the plot lies within the front's canvas: the handle of the size target stands on the same axis. */

export const PLOT = {
  margin: { top: 10, right: 22, bottom: 0, left: 0 },
  axisWidth: 66,
  axisHeight: 46,
} as const;
