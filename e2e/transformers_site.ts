/**
 * @file A site with transformers.js and models, as a person's own page would have them: the package's build for the web,
 * the onnxruntime-web that it depends on, and exported folders from memory.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = fileURLToPath(new URL('../node_modules/', import.meta.url));
const FOLDERS: Record<string, string> = {
  '/transformers/': join(MODULES, '@huggingface', 'transformers', 'dist'),
  '/ort/': join(MODULES, 'onnxruntime-web', 'dist'),
  '/ort-common/': join(MODULES, 'onnxruntime-common', 'dist', 'esm'),
};
const TYPES: Record<string, string> = {
  html: 'text/html',
  js: 'text/javascript',
  mjs: 'text/javascript',
  wasm: 'application/wasm',
  json: 'application/json',
};

/** Bare names as a bundler would resolve them. */
const PAGE = `<!doctype html><title>transformers.js</title><script type="importmap">${JSON.stringify({
  imports: {
    '@huggingface/transformers': '/transformers/transformers.web.js',
    'onnxruntime-web/webgpu': '/ort/ort.webgpu.bundle.min.mjs',
    'onnxruntime-common': '/ort-common/index.js',
  },
})}</script>`;

/** The version of onnxruntime-web that transformers.js asks for, and the one that is installed for it. */
export function runtimeVersions(): { asked_for: string; installed: string } {
  const manifest = (name: string) => JSON.parse(readFileSync(join(MODULES, name, 'package.json'), 'utf8'));
  return {
    asked_for: manifest('@huggingface/transformers').dependencies['onnxruntime-web'],
    installed: manifest('onnxruntime-web').version,
  };
}

export type Folder = ReadonlyMap<string, Uint8Array>;

/** @param models Folders by name, at `/models/NAME/`. */
export async function serveTransformers(models: ReadonlyMap<string, Folder>) {
  const find = (path: string): Uint8Array | undefined => {
    if (path === '/') return new TextEncoder().encode(PAGE);
    const [, name, file] = /^\/models\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (name) return models.get(name)?.get(file);
    const folder = Object.keys(FOLDERS).find((prefix) => path.startsWith(prefix));
    try {
      return folder && !path.includes('..')
        ? readFileSync(join(FOLDERS[folder], path.slice(folder.length)))
        : undefined;
    } catch {
      return undefined;
    }
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname);
    const bytes = find(path);
    const type = path === '/' ? 'text/html' : (TYPES[path.split('.').pop() ?? ''] ?? 'application/octet-stream');
    response.writeHead(bytes ? 200 : 404, {
      'Content-Type': type,
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}
