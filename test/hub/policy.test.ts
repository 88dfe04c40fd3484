/** Where a built app may send requests: pages nowhere, the engine's Worker to the Hub alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveApp } from '../../src/cli/server.ts';
import { contentSecurityPolicy, siteHeaders, siteHeadersWith } from '../../src/cli/site_headers.ts';

const connect = (policy: string) => /connect-src ([^;]*)/.exec(policy)?.[1].split(' ');
const OWN = ["'self'", 'blob:', 'data:'];
const HUB = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];

describe('the content security policy', () => {
  it('closes pages, and opens responses (that is, Workers) to the Hub and its file hosts alone', () => {
    expect(connect(contentSecurityPolicy)).toEqual(OWN);
    expect(connect(siteHeaders['Content-Security-Policy'])).toEqual([...OWN, ...HUB]);
  });

  it('adds a mirror by its origin, and never a whole scheme', () => {
    const { 'Content-Security-Policy': policy } = siteHeadersWith({ endpoint: 'https://mirror.example/hf' });
    expect(connect(policy)).toEqual([...OWN, ...HUB, 'https://mirror.example']);
  });
});

describe('a served page', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'whittle-hub-'));
    writeFileSync(join(folder, 'index.html'), '<html><head><title>x</title></head></html>');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('names another Hub only where its server was told to, whatever its address says', async () => {
    const plain = await serveApp(`${folder}/`);
    const told = await serveApp(`${folder}/`, { endpoint: 'https://mirror.example' });
    try {
      expect(await (await fetch(`${plain.url}?hub=https://evil.example`)).text()).not.toContain('meta');
      const response = await fetch(`${told.url}?hub=https://evil.example`);
      expect(await response.text()).toContain('<meta name="whittle-hub" content="https://mirror.example">');
      expect(response.headers.get('content-security-policy')).toContain('https://mirror.example');
    } finally {
      plain.close();
      told.close();
    }
  });
});
