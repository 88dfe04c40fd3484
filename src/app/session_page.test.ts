import { describe, expect, it } from 'vitest';
import { reportHtml } from '../report/html.ts';
import { sessionPage } from './session_page.ts';
import { createStudioStore } from './store/store.ts';
import { MODEL, PROTOCOL, perplexityReport, recipeRun, siteReport } from './testing.ts';

const NOW = new Date('2026-11-29T12:00:00Z');

describe('a session as a page', () => {
  const store = createStudioStore();
  const run = recipeRun('run-1', { bytes: 3e6, perplexity: 80, kl: 0.1 });
  const point = (window: number, perplexity: number) => ({ window, perplexity, relative_spread: 0.01, loss: 4 });
  store.setState(({ results }) => ({
    results: {
      ...results,
      model: MODEL,
      protocol: PROTOCOL,
      dense: perplexityReport('dense', 75.9),
      spectra: {
        fusion: 'exact',
        is_complete: true,
        sites: Array.from({ length: 9 }, (_, site) =>
          siteReport(
            site,
            Array.from({ length: 256 }, (_, i) => 1 / (i + 1)),
          ),
        ),
      },
      runs: [run],
      curves: { dense: [point(1, 74), point(2, 75.9)], 'run-1': [point(1, 79), point(2, 80)] },
    },
  }));
  const page = sessionPage(store.getState(), NOW)!;

  it('is null without a model', () => {
    expect(sessionPage(createStudioStore().getState(), NOW)).toBeNull();
  });

  it('has every measured model, the protocol, the settings, the spectra and their cut', () => {
    expect(page.models.map(({ label, perplexity }) => [label, perplexity])).toEqual([
      ['dense', 75.9],
      ['embed; gptq:bits=4', 80],
    ]);
    for (const { cells } of page.models) expect(cells).toHaveLength(page.columns.length);
    expect(page.protocol.map(({ value }) => value).join()).toContain('16 windows × 256 tokens');
    expect(page.settings).toContainEqual({ name: 'Sparsity', value: '25 %' });
    expect(page.spectra.map(({ dimension }) => dimension)).toEqual([...new Array(8).fill(192), 256]);
    expect(page.maps[0]).toMatchObject({ layers: 8, rows: ['layer input'] });
    expect(page.curves.map(({ label }) => label)).toEqual(['dense', 'embed; gptq:bits=4']);
  });

  it('is written whole', () => {
    const html = reportHtml(page);
    expect(html).not.toMatch(/NaN|undefined/);
    expect(html.match(/<svg /g)!.length).toBeGreaterThanOrEqual(4);
  });
});
