import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { contentSecurityPolicyPlugin, isolationHeaders, siteHeaders } from './src/cli/site_headers.ts';
import { demoTexts } from './tools/demo_texts_plugin.ts';
import { offline } from './tools/offline_plugin.ts';

/** How long plug-ins took is no warning, and would stand before what a command prints. */
const QUIET = { pluginTimings: false };

export default defineConfig({
  base: './',
  plugins: [react(), demoTexts(), contentSecurityPolicyPlugin(), offline()],
  worker: { format: 'es', rollupOptions: { checks: QUIET } },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1500,
    rollupOptions: { input: { studio: 'index.html', headless: 'headless.html' }, checks: QUIET },
  },
  optimizeDeps: { exclude: ['onnxruntime-web', 'onnxruntime-web-stable'] },
  server: { headers: isolationHeaders },
  preview: { headers: siteHeaders },
});
