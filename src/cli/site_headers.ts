/**
 * @file Headers of every server that Whittle starts (dev, preview, headless command), and what to set where the app is
 * hosted. Also as a plug-in: the policy stands in the built pages themselves, so that it holds on any host.
 */
import type { Plugin } from 'vite';

/** Cross-origin isolation gives onnxruntime-web its threads; everything works without it, only slower. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/**
 * Nothing may be fetched from, or sent to, another origin (invariant 7). WebAssembly is onnxruntime-web and the f64
 * product of the CPU backend; inline styles are the charts'.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self' blob: data:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** A Worker takes its policy from its own response, not from the page: so it is a header too. */
export const siteHeaders = { ...isolationHeaders, 'Content-Security-Policy': contentSecurityPolicy };

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
