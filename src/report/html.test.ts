import { describe, expect, it } from 'vitest';
import { pareto } from './draw_front.ts';
import { reportHtml, summaryOf } from './html.ts';
import { boxOf, overlaps, placeLabels } from './labels.ts';
import type { ReportedModel, ReportPage } from './page.ts';

const model = (
  label: string,
  kind: ReportedModel['kind'],
  bytes: number | null,
  perplexity: number | null,
): ReportedModel => ({
  ...{ label, kind, bytes, perplexity, error: 0.5, cells: [perplexity === null ? '–' : String(perplexity)] },
  methods: kind === 'dense' ? '' : 'gptq',
});

const MODELS = [
  model('dense', 'dense', 8e6, 75.9),
  model('gptq:bits=4', 'run', 3e6, 77),
  model('gptq:bits=4, gguf', 'file', 3.1e6, 77.1),
  model('<img src=x onerror=alert(1)>', 'run', 2e6, 9000),
  model('not measured', 'run', 2e6, null),
];

const PAGE: ReportPage = {
  title: 'SmolLM2 & "friends" <b>',
  written: '2026-11-29T12:00:00.000Z',
  model: [{ name: 'Parameters', value: '4.00 M' }],
  protocol: [{ name: 'Windows', value: '16 × 256' }],
  settings: [{ name: 'Sparsity', value: '25 %' }],
  environment: [{ name: 'Backend', value: 'CPU' }],
  columns: ['Perplexity'],
  models: MODELS,
  curves: [{ label: 'dense', perplexities: [70, 76, Number.POSITIVE_INFINITY, 75.9] }],
  spectra: [{ label: 'embedding', eigenvalues: [5, 1, 1e-3, 0, -1e-9], dimension: 3 }],
  maps: [
    {
      title: 'gptq',
      meaning: 'share lost',
      layers: 2,
      rows: ['q_proj'],
      cells: [{ layer: 1, row: 'q_proj', value: 0.01 }],
    },
  ],
  trainings: [
    {
      title: 'Training: heal of <b>',
      objective: 'forward KL to the dense model',
      windows: { training: 12, held_out: 4, seqlen: 64 },
      points: [
        { step: 0, held_out_loss: 0.9 },
        { step: 10, training_loss: 0.7, held_out_loss: 0.6 },
        { step: 20, training_loss: 0.4, held_out_loss: 0.8 },
      ],
      kept_step: 10,
      notes: ['Over-fitting: the held-out loss was lowest at step 10.'],
    },
  ],
  notes: ['a tensor was left out'],
};

describe('a report', () => {
  const html = reportHtml(PAGE);

  it('is whole: every part is there, drawings inline', () => {
    for (const part of [
      'Models',
      'Quality against size',
      'Perplexity, window by window',
      'gptq',
      'Eigenvalues',
      'Protocol',
      'Settings',
      'Environment',
    ])
      expect(html).toContain(`<h2>${part}</h2>`);
    expect(html.match(/<svg /g)).toHaveLength(5);
    expect(html).toContain('a tensor was left out');
    expect(html).toContain('<h2>Training: heal of &#60;b&#62;</h2>');
    expect(html).toContain('Forward KL to the dense model; 12 windows of 64 tokens, 4 held out. Over-fitting');
  });

  it('runs nothing and fetches nothing, whatever is called what', () => {
    expect(html).not.toMatch(/<script|<img|<link|<iframe|onerror="|url\(|@import|javascript:/i);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('&#60;img src=x onerror=alert(1)&#62;');
    expect(html).toContain('<title>SmolLM2 &#38; &#34;friends&#34; &#60;b&#62; · Whittle</title>');
  });

  it('draws no number that is none', () => {
    expect(html).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  it('is well formed', () => {
    const open: string[] = [];
    const body = html.slice(html.indexOf('<body>'), html.indexOf('</html>'));
    for (const [, isEnd, name] of body.matchAll(/<(\/?)([a-z0-9]+)/gi)) {
      if (isEnd) expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  it('says what a reader wants first', () => {
    expect(summaryOf(PAGE)).toContain('the smallest has 25 % of the original’s bytes at 118.6 times its perplexity');
    expect(summaryOf({ models: MODELS.slice(0, 1) })).toContain('nothing smaller');
  });

  it('leaves out what there is nothing to draw of', () => {
    const bare = reportHtml({
      ...PAGE,
      models: MODELS.slice(0, 1),
      curves: [],
      spectra: [],
      maps: [],
      trainings: [],
      notes: [],
    });
    expect(bare).not.toContain('<svg');
    expect(bare).toContain('<h2>Protocol</h2>');
  });

  it('joins the models that no other beats', () => {
    const points = MODELS.slice(0, 4) as Parameters<typeof pareto>[0];
    expect(pareto(points).map(({ bytes }) => bytes)).toEqual([2e6, 3e6, 8e6]);
  });
});

describe('labels beside points', () => {
  const AREA = { left: 0, right: 400, top: 0, bottom: 300 };

  it('never overlap each other or a mark, and stay inside, however crowded it is', () => {
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    for (const spread of [1, 0.3, 0.02]) {
      const points = Array.from({ length: 40 }, (_, i) => ({
        x: 200 + (random() - 0.5) * 380 * spread,
        y: 150 + (random() - 0.5) * 280 * spread,
        text: `gptq:bits=${i}`,
        weight: i === 5 ? 1 : 0,
      }));
      const placed = placeLabels(points, AREA);
      const boxes = placed.map((label) => boxOf(label, points[label.index].text));
      boxes.forEach((box, i) => {
        expect(boxes.slice(i + 1).some((other) => overlaps(box, other))).toBe(false);
        expect(box.left >= 0 && box.right <= 400 && box.top >= 0 && box.bottom <= 300).toBe(true);
        const others = points.filter((_, at) => at !== placed[i].index);
        expect(others.some(({ x, y }) => overlaps(box, { left: x - 7, right: x + 7, top: y - 7, bottom: y + 7 }))).toBe(
          false,
        );
      });
      if (spread === 1) expect(placed.some(({ index }) => index === 5)).toBe(true);
    }
  });

  it('places a lone label, and one at the right edge to its left', () => {
    expect(placeLabels([{ x: 50, y: 50, text: 'dense', weight: 0 }], AREA)[0].anchor).toBe('start');
    expect(placeLabels([{ x: 390, y: 50, text: 'dense', weight: 0 }], AREA)[0].anchor).toBe('end');
  });
});
