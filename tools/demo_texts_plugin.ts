/** @file Vite plugin: `demo/calibration.txt` and `demo/evaluation.txt`, made from the installed corpus when asked for. */
import type { Plugin } from 'vite';
import { type BrownSplit, demoText } from './brown.ts';

const TEXTS: Record<string, BrownSplit> = {
  'demo/calibration.txt': 'calibration',
  'demo/evaluation.txt': 'evaluation',
};

export function demoTexts(): Plugin {
  return {
    name: 'whittle:demo-texts',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const split = TEXTS[(request.url ?? '').replace(/^\//, '').split('?')[0]];
        if (!split) return next();
        response.setHeader('Content-Type', 'text/plain; charset=utf-8');
        response.end(demoText(split));
      });
    },
    generateBundle() {
      for (const [fileName, split] of Object.entries(TEXTS)) {
        this.emitFile({ type: 'asset', fileName, source: demoText(split) });
      }
    },
  };
}
