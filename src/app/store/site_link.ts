/** @file Dimensions of single sites in an address: `f1a2_25_8_8_3-104.7-96x`, of characters that addresses leave as they are. */
import type { SiteEdits } from './site_dimensions.ts';

/** Null where nothing was changed by hand. */
export function writeEdits(edits: SiteEdits): string | null {
  if (Object.keys(edits.own).length === 0) return null;
  const { fingerprint, at, own, locked, multiple } = edits;
  const sites = Object.entries(own).map(([site, dimension]) => {
    return `${site}-${dimension}${locked.includes(Number(site)) ? 'x' : ''}`;
  });
  return [fingerprint, ...at.split('/'), multiple, sites.join('.')].join('_');
}

/** Null for anything but what {@link writeEdits} writes. */
export function readEdits(text: string): SiteEdits | null {
  const found = /^([\w-]+)_(\d+(?:\.\d+)?)_(\d+)_(\d+)_([\d.x-]+)$/.exec(text);
  if (!found) return null;
  const [, fingerprint, percent, round, multiple, list] = found;
  const own: Record<number, number> = {};
  const locked: number[] = [];
  for (const part of list.split('.')) {
    const site = /^(\d{1,5})-(\d{1,7})(x?)$/.exec(part);
    if (!site || Number(site[2]) < 1) return null;
    own[Number(site[1])] = Number(site[2]);
    if (site[3]) locked.push(Number(site[1]));
  }
  return Number(multiple) < 1
    ? null
    : { fingerprint, at: `${percent}/${round}`, own, locked, multiple: Number(multiple) };
}
