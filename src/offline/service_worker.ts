/**
 * @file The studio without a network: page, code, built-in model and its texts are fetched when the worker is installed, what
 * else is used (onnxruntime) when it is used. Headers are kept with the files, so that the page stays cross-origin isolated.
 */
import { cacheKey, isKeepable, type Strategy, strategyFor } from './strategy.ts';

declare const self: ServiceWorkerGlobalScope;
/** Paths below the scope, and a digest of them: written in by the build. */
declare const __WHITTLE_FILES__: readonly string[];
declare const __WHITTLE_BUILD__: string;

const PREFIX = 'whittle-';
const CACHE = PREFIX + __WHITTLE_BUILD__;
const { scope } = self.registration;

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { url, method, mode, headers } = request;
  const strategy = strategyFor({ url, method, isPage: mode === 'navigate', isPart: headers.has('range') }, scope);
  if (strategy === 'none') return;
  event.respondWith(ANSWERS[strategy](event));
});

const ANSWERS: Record<Exclude<Strategy, 'none'>, (event: FetchEvent) => Promise<Response>> = {
  fresh: async ({ request }) => {
    try {
      return await fetch(request);
    } catch (thrown) {
      return (await found(request)) ?? Promise.reject(thrown);
    }
  },
  kept: async (event) => (await found(event.request)) ?? fetchAndKeep(event),
  installed: async ({ request }) => (await found(request)) ?? fetch(request),
};

function found({ url }: Request): Promise<Response | undefined> {
  return caches.match(cacheKey(url, scope));
}

/** What an earlier build had under the same name is taken over: only hashed names are the same content. */
async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const path of __WHITTLE_FILES__) {
    const url = new URL(path, scope).href;
    const isHashed = strategyFor({ url, method: 'GET', isPage: false, isPart: false }, scope) === 'kept';
    const known = isHashed ? await caches.match(url) : undefined;
    const response = known ?? (await fetch(url, { cache: isHashed ? 'default' : 'no-cache' }));
    if (!isKeepable(response)) throw new Error(`${path} answers ${response.status}`);
    await cache.put(cacheKey(url, scope), response);
  }
  // Pages take what they need from the network first, so an old page and a new worker suit each other.
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

async function fetchAndKeep(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const response = await fetch(request);
  if (isKeepable(response)) {
    const copy = response.clone();
    const put = caches.open(CACHE).then((cache) => cache.put(cacheKey(request.url, scope), copy));
    // A full storage costs the copy, not the answer.
    event.waitUntil(put.catch(() => undefined));
  }
  return response;
}
