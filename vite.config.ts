import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { demoTexts } from './tools/demo_texts_plugin.ts';

// Cross-origin isolation gives onnxruntime-web its threads; everything works without it, only slower.
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  base: './',
  plugins: [react(), demoTexts()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1500,
    rollupOptions: { input: { studio: 'index.html', headless: 'headless.html' } },
  },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { headers: isolation },
  preview: { headers: isolation },
});
