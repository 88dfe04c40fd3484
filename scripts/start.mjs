/** @file Opens the studio: serves the build on this machine only, prints its address, opens a browser if there is one. */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { preview } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function openBrowser(url) {
  const hasScreen = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (!hasScreen || process.env.CI || process.env.BROWSER === 'none') return;
  const [command, ...args] = { darwin: ['open', url], win32: ['cmd', '/c', 'start', '', url] }[process.platform] ?? [
    'xdg-open',
    url,
  ];
  // No opener is no failure: the address has been printed.
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

const port = process.env.PORT ? Number(process.env.PORT) : 4173;
const server = await preview({ root, preview: { host: '127.0.0.1', port }, logLevel: 'warn' });
const url = server.resolvedUrls.local[0];
process.stdout.write(`Whittle is at ${url}  (Ctrl-C stops it)\n`);
openBrowser(url);
