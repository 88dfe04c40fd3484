/**
 * @file The page as a person feels it: how soon a model's facts are there, how much moves by itself while it opens, and the slider
 * dragged: frames as they come, and what the page's thread works for a move.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright';
import { launchHeadless } from '../../cli/browser.ts';
import { HIDDEN, LAYERS, writeSyntheticModel } from './synthetic_model.ts';

/** One way of dragging, one row of the table. */
export interface DragFigure {
  control: 'sparsity' | 'size target';
  /** Whether a job ran meanwhile. */
  engine: 'idle' | 'busy';
  layers: number;
  /** That the page took up, of those that were sent: what comes within one frame is one. */
  moves: number;
  /** Frames shown in a second while the pointer moved at every frame. */
  frames_per_second: number;
  /** 95th of a hundred frames. */
  frame_p95_ms: number;
  /** Processor time of the page's main thread a move: all of it, and the parts that are told apart. */
  move_ms: number;
  script_ms: number;
  style_ms: number;
  layout_ms: number;
}

/** A model opened on an empty page, until all of it is measured. */
export interface OpeningFigure {
  layers: number;
  /** From the choice of the files to its shape on the page. */
  facts_ms: number;
  /** Sum of the browser's layout shifts without a person's doing, from the start of the page on; 0.1 is its limit for "good". */
  layout_shift: number;
}

export interface StudioFigures {
  opening: OpeningFigure[];
  drag: DragFigure[];
}

const OPEN_PATIENCE_MS = 300_000;
const MOVES = 120;

/** Opens a synthetic model of thirty layers and drags the slider and the size target, engine idle; then the slider while a job runs. */
export async function measureStudio(app: string): Promise<StudioFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'whittle-drag-'));
  const browser = await launchHeadless(app, 'index.html');
  try {
    const { page } = browser;
    await page.setViewportSize({ width: 1440, height: 900 });
    await smallWindows(page);
    const files = await writeSyntheticModel(folder);
    const chosen = performance.now();
    await page.getByLabel('Model files').setInputFiles(files);
    await page.getByRole('region', { name: 'Model', exact: true }).getByText(`${LAYERS} × ${HIDDEN}`).first().waitFor();
    const facts_ms = performance.now() - chosen;
    await page.getByText(/Opening the model.*done in/).waitFor({ timeout: OPEN_PATIENCE_MS });
    const layout_shift: number = await page.evaluate(SHIFTS);
    const opening = [{ layers: LAYERS, facts_ms, layout_shift }];
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    const idle = await drag(page, cdp, 'sparsity', 'idle');
    await calm(page);
    const target = await drag(page, cdp, 'size target', 'idle');
    await calm(page);
    await page.getByRole('button', { name: /^Sweep/ }).click();
    await page.waitForTimeout(1500);
    return { opening, drag: [idle, target, await drag(page, cdp, 'sparsity', 'busy')] };
  } finally {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** More tokens than directions, and a few windows: what is drawn is the same. */
async function smallWindows(page: Page): Promise<void> {
  for (const [name, value] of [
    [/calibration/i, 8],
    [/evaluation/i, 2],
    [/^Length/, 64],
  ] as const) {
    const field = page.getByRole('spinbutton', { name });
    await field.fill(String(value));
    await field.press('Enter');
  }
}

/** Until what letting go has begun is over. */
async function calm(page: Page): Promise<void> {
  await page.waitForTimeout(500);
  await page.waitForFunction(() =>
    /(?:done in|failed|cancelled)/.test(document.querySelector('.job-line')?.textContent ?? ''),
  );
}

async function drag(
  page: Page,
  cdp: CDPSession,
  control: DragFigure['control'],
  engine: DragFigure['engine'],
): Promise<DragFigure> {
  const slider = page.getByRole('slider', { name: control === 'sparsity' ? 'Sparsity' : 'Size target', exact: true });
  await slider.scrollIntoViewIfNeeded();
  const box = await slider.boundingBox();
  if (!box) throw new Error(`There is no slider for ${control} on the page.`);
  const y = box.y + box.height / 2;
  const share = await slider.evaluate((input: HTMLInputElement) => {
    const { value, min, max } = input;
    return (Number(value) - Number(min)) / (Number(max) - Number(min));
  });
  await page.mouse.move(box.x + 9 + share * (box.width - 18), y);
  await page.mouse.down();
  await page.evaluate(RECORD_FRAMES);
  const before = await times(cdp);
  const started = performance.now();
  // To and fro over the middle of the slider: sent at 60 a second, whatever the page makes of it.
  for (let move = 0; move < MOVES; move++) {
    const at = 0.35 + 0.3 * Math.abs(((move / 40) % 2) - 1);
    void page.mouse.move(box.x + at * box.width, y).catch(() => undefined);
    await until(started + (move + 1) * (1000 / 60));
  }
  const { gaps, handled }: { gaps: number[]; handled: number } = await page.evaluate('stopFrames()');
  const after = await times(cdp);
  await page.mouse.up();
  const sorted = [...gaps].sort((a, b) => a - b);
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  const spent = (name: string) => (1000 * (after[name] - before[name])) / handled;
  return {
    ...{ control, engine, layers: LAYERS, moves: handled },
    frames_per_second: (1000 * gaps.length) / total,
    frame_p95_ms: sorted[Math.floor(0.95 * (sorted.length - 1))],
    move_ms: spent('TaskDuration'),
    script_ms: spent('ScriptDuration'),
    style_ms: spent('RecalcStyleDuration'),
    layout_ms: spent('LayoutDuration'),
  };
}

/** Runs in the page: gaps between frames, until `stopFrames` is called. As text: tsx adds helpers to functions that a page lacks. */
const RECORD_FRAMES = `
  const gaps = [];
  let last = performance.now();
  let isOver = false;
  let handled = 0;
  const count = () => handled++;
  addEventListener('input', count, true);
  requestAnimationFrame(function frame(now) {
    gaps.push(now - last);
    last = now;
    if (!isOver) requestAnimationFrame(frame);
  });
  window.stopFrames = () => {
    isOver = true;
    removeEventListener('input', count, true);
    return { gaps: gaps.slice(1), handled };
  };
`;

/** Runs in the page: entries from its start on are kept for whoever asks. */
const SHIFTS = `new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value;
  }).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve(sum), 300);
})`;

async function times(cdp: CDPSession): Promise<Record<string, number>> {
  const { metrics } = await cdp.send('Performance.getMetrics');
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

async function until(time: number): Promise<void> {
  const left = time - performance.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}
