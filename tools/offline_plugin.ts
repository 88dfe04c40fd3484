/**
 * @file Vite plug-in: builds the service worker as one script beside the pages and writes into it what to keep; and lets
 * `vite preview` say of hashed files that they never change.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, PreviewServer } from 'vite';
import { build } from 'vite';

const SOURCE = 'src/offline/service_worker.ts';
const SCRIPT = 'service_worker.js';
/** Loaded for exports only, and large: kept once they were used. The headless page is no part of the studio. */
const LATER = /\.(?:wasm|map)$|(?:^|\/)(?:ort|runtime_|verify_)|headless/;
const IMMUTABLE = 'public, max-age=31536000, immutable';
const HASHED = /\/assets\/[^/?]+-[\w-]{8}\.\w+(?:\?|$)/;

export function offline(): Plugin {
  let root = '';
  return {
    name: 'whittle-offline',
    configResolved: (config) => {
      root = config.root;
    },
    generateBundle: {
      order: 'post',
      async handler(_, bundle) {
        const made = Object.values(bundle).map((file) => {
          return { path: file.fileName, bytes: file.type === 'chunk' ? file.code : file.source };
        });
        const still = filesBelow(join(root, 'public')).map((path) => {
          return { path, bytes: readFileSync(join(root, 'public', path)) };
        });
        const files = [...made, ...still]
          .filter(({ path }) => !LATER.test(path))
          .sort((a, b) => (a.path < b.path ? -1 : 1));
        const hash = createHash('sha256');
        for (const { path, bytes } of files) hash.update(path).update(bytes);
        const define = {
          __WHITTLE_FILES__: JSON.stringify(files.map(({ path }) => path)),
          __WHITTLE_BUILD__: JSON.stringify(hash.digest('hex').slice(0, 16)),
        };
        this.emitFile({ type: 'asset', fileName: SCRIPT, source: await script(root, define) });
      },
    },
    configurePreviewServer: keepHashed,
  };
}

/** A classic script: not every browser takes modules as service workers. */
async function script(root: string, define: Record<string, string>): Promise<string> {
  const made = await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    define,
    build: {
      write: false,
      target: 'es2022',
      rollupOptions: { input: join(root, SOURCE), output: { format: 'iife', entryFileNames: SCRIPT } },
    },
  });
  const [{ output }] = [made].flat() as { output: { code?: string }[] }[];
  return output[0].code ?? '';
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
}

/** The server writes its own header last, so it is changed there. */
function keepHashed({ middlewares }: PreviewServer): void {
  middlewares.use((request, response, next) => {
    if (HASHED.test(request.url ?? '')) {
      const { writeHead } = response;
      response.writeHead = ((status: number, ...rest: unknown[]) => {
        const headers = rest.find((each) => typeof each === 'object' && each !== null) as
          | Record<string, unknown>
          | undefined;
        if (headers && status < 400) {
          for (const name of Object.keys(headers)) if (name.toLowerCase() === 'cache-control') delete headers[name];
        }
        if (status < 400) response.setHeader('Cache-Control', IMMUTABLE);
        return (writeHead as (...all: unknown[]) => typeof response).call(response, status, ...rest);
      }) as typeof response.writeHead;
    }
    next();
  });
}
