/**
 * @file Headers of every server that Whittle starts (dev, preview, headless command), and what to set where the app is
 * hosted. Also as a plug-in: the policy stands in the built pages themselves, so that it holds on any host.
 */
import type { Plugin } from 'vite';
import { HUB_META, HUB_SOURCES } from '../platform/hub/endpoint.ts';

/** Cross-origin isolation gives the CPU backend its threads; everything works without it, only slower. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Another Hub for the pages of a server, and the hosts that it sends downloads to. */
export interface HubSite {
  endpoint: string;
  /** As in a Content-Security-Policy. */
  file_hosts?: readonly string[];
}

/** WebAssembly is onnxruntime-web and the f64 product of the CPU backend; inline styles are the charts'. */
function policy(outside: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    ["connect-src 'self' blob: data:", ...outside].join(' '),
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** Of a page: nothing may be fetched from, or sent to, another origin (invariant 7). */
export const contentSecurityPolicy = policy([]);

/**
 * A Worker takes its policy from its own response, not from the page, so there is a header too. It lets the engine reach the
 * Hub, for downloads that the person asks for, and no other host. On pages the stricter policy that stands in them holds.
 */
export function siteHeadersWith(hub?: HubSite): Record<string, string> {
  const own = hub ? [new URL(hub.endpoint).origin, ...(hub.file_hosts ?? [])] : [];
  return { ...isolationHeaders, 'Content-Security-Policy': policy([...HUB_SOURCES, ...own]) };
}

export const siteHeaders = siteHeadersWith();

/** What a page must hold to ask another Hub. */
export function hubMeta({ endpoint }: HubSite): string {
  return `<meta name="${HUB_META}" content="${endpoint.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}">`;
}

export function contentSecurityPolicyPlugin(): Plugin {
  return {
    name: 'whittle-content-security-policy',
    // The dev server's own reloading needs inline scripts and a web socket.
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurityPolicy },
        injectTo: 'head-prepend',
      },
    ],
  };
}
