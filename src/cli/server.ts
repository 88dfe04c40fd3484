/**
 * @file Serves the built app on this machine only, for a headless browser. Ranges are not needed: the built-in model is
 * small, and a person's model never passes through here.
 */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { type HubSite, hubMeta, siteHeadersWith } from './site_headers.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

export interface AppServer {
  /** `http://127.0.0.1:PORT/` */
  url: string;
  close(): void;
}

/** Serves `folder` at a free port of the loopback address. @param hub Asked in place of the Hub, for downloads. */
export function serveApp(folder: string, hub?: HubSite): Promise<AppServer> {
  const headers = siteHeadersWith(hub);
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://app').pathname));
    const file = join(folder, path.endsWith(sep) ? `${path}index.html` : path);
    const size = file.startsWith(folder) ? sizeOf(file) : undefined;
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    const type = { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Cache-Control': 'no-store' };
    if (hub && extname(file) === '.html') {
      const page = readFileSync(file, 'utf8').replace('<head>', `<head>${hubMeta(hub)}`);
      response.writeHead(200, { ...type, ...headers }).end(page);
      return;
    }
    response.writeHead(200, { ...type, ...headers, 'Content-Length': size });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      resolve({
        url: `http://127.0.0.1:${port}/`,
        close() {
          server.closeAllConnections();
          server.close();
        },
      });
    });
  });
}

function sizeOf(file: string): number | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats?.isFile() ? stats.size : undefined;
}
