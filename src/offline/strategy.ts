/** @file Where an answer comes from while the service worker stands between page and network. */

/**
 * `fresh`: pages come from the network, and from the cache where there is none. `kept`: the name changes with the content, so the
 * cache comes first, and takes what it lacks. `installed`: of this build or, where it was not installed, from the network.
 * `none`: the browser's own business.
 */
export type Strategy = 'fresh' | 'kept' | 'installed' | 'none';

interface Asked {
  readonly url: string;
  readonly method: string;
  /** Somebody goes there. */
  readonly isPage: boolean;
  /** Of a part of a file. */
  readonly isPart: boolean;
}

/** Vite's names: "assets/worker-B3yW2k1a.js". */
const HASHED = /\/assets\/[^/]+-[\w-]{8}\.\w+$/;

/** @param scope Folder of the app, with its slash. */
export function strategyFor({ url, method, isPage, isPart }: Asked, scope: string): Strategy {
  const { origin, pathname } = new URL(url);
  const base = new URL(scope);
  if (method !== 'GET' || isPart || origin !== base.origin || !pathname.startsWith(base.pathname)) return 'none';
  if (isPage) return 'fresh';
  return HASHED.test(pathname) ? 'kept' : 'installed';
}

/** The studio's page has two names. */
export function cacheKey(url: string, scope: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname === scope ? `${scope}index.html` : origin + pathname;
}

/** Only whole files of this site are worth keeping: a start page in the place of a missing file is none. */
export function isKeepable(response: { status: number; type: string; redirected: boolean }): boolean {
  return response.status === 200 && response.type === 'basic' && !response.redirected;
}
