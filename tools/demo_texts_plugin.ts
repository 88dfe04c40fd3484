/** @file Vite plugin: the built-in texts below `demo/`, made when they are asked for. */
import type { Plugin } from 'vite';
import { TEXT_FILES } from './texts/texts.ts';

export function demoTexts(): Plugin {
  return {
    name: 'whittle:demo-texts',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = /^\/demo\/([^/?]+)/.exec(request.url ?? '')?.[1] ?? '';
        const text = TEXT_FILES.get(name);
        if (!text) return next();
        response.setHeader('Content-Type', 'text/plain; charset=utf-8');
        response.end(text());
      });
    },
    generateBundle() {
      for (const [name, text] of TEXT_FILES) {
        this.emitFile({ type: 'asset', fileName: `demo/${name}`, source: text() });
      }
    },
  };
}
