/** @file A control dragged at sixty moves a second: frames as they come, and what the page's processes work for a move. */
import type { CDPSession, Locator, Page } from 'playwright';

export type Control = 'sparsity' | 'cut line' | 'site bars' | 'size target';

/** One way of dragging, one row of the table. */
export interface DragFigure {
  control: Control;
  /** Whether a job ran meanwhile. */
  engine: 'idle' | 'busy';
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
  /** Of the page's whole process, with the threads that paint; absent where it computes besides. */
  process_ms?: number;
}

const MOVES = 120;
/** Margins of drawings (`app/charts/plot/Plot.tsx`). */
const [LEFT, RIGHT, TOP, BOTTOM] = [66, 16, 12, 34];

interface Path {
  from: readonly [number, number];
  /** @param share Of the way. */
  at: (share: number) => readonly [number, number];
  /** Moves are counted by it. */
  event: 'input' | 'pointermove';
}

export async function measureDrag(
  page: Page,
  meter: Meter,
  control: Control,
  engine: DragFigure['engine'],
): Promise<DragFigure> {
  const path = await pathOf(page, control);
  await page.mouse.move(...path.from);
  await page.mouse.down();
  await page.evaluate(recordFrames(path.event));
  const before = await meter.read();
  const started = performance.now();
  // To and fro over the middle: sent at 60 a second, whatever the page makes of it.
  for (let move = 0; move < MOVES; move++) {
    const share = 0.35 + 0.3 * Math.abs(((move / 40) % 2) - 1);
    void page.mouse.move(...path.at(share)).catch(() => undefined);
    await until(started + (move + 1) * (1000 / 60));
  }
  const { gaps, handled }: { gaps: number[]; handled: number } = await page.evaluate('stopFrames()');
  const after = await meter.read();
  await page.mouse.up();
  const sorted = [...gaps].sort((a, b) => a - b);
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  const spent = (name: string) => (1000 * (after[name] - before[name])) / handled;
  return {
    ...{ control, engine, moves: handled },
    frames_per_second: (1000 * gaps.length) / total,
    frame_p95_ms: sorted[Math.floor(0.95 * (sorted.length - 1))],
    move_ms: spent('TaskDuration'),
    script_ms: spent('ScriptDuration'),
    style_ms: spent('RecalcStyleDuration'),
    layout_ms: spent('LayoutDuration'),
    ...(engine === 'idle' && { process_ms: spent(PROCESS) }),
  };
}

async function pathOf(page: Page, control: Control): Promise<Path> {
  if (control === 'sparsity' || control === 'size target') {
    // As it stands after opening, with the front in sight.
    await page.locator('.column-charts').evaluate((column) => column.scrollTo(0, 0));
    return sliderPath(
      page.getByRole('slider', { name: control === 'sparsity' ? 'Sparsity' : 'Size target', exact: true }),
    );
  }
  const plot = page.locator(control === 'cut line' ? '.spectrum-card .plot' : '.editor-card .plot').first();
  const { x, y, width, height } = await boxOf(plot, control);
  const [across, down] = [width - LEFT - RIGHT, height - TOP - BOTTOM];
  const at = (share: number) =>
    control === 'cut line'
      ? ([x + LEFT + share * across, y + height / 2] as const)
      : ([x + LEFT + across / 2, y + TOP + share * down] as const);
  if (control === 'site bars') return { from: at(0.5), at, event: 'pointermove' };
  const line = await boxOf(plot.locator('[data-cut]'), control);
  return { from: [line.x + line.width / 2, y + height / 2], at, event: 'pointermove' };
}

async function sliderPath(slider: Locator): Promise<Path> {
  const box = await boxOf(slider, 'the slider');
  const y = box.y + box.height / 2;
  const share = await slider.evaluate((input: HTMLInputElement) => {
    const { value, min, max } = input;
    return (Number(value) - Number(min)) / (Number(max) - Number(min));
  });
  // Of the thumb, which does not reach beyond the ends.
  const from = [box.x + 9 + share * (box.width - 18), y] as const;
  return { from, at: (to) => [box.x + to * box.width, y], event: 'input' };
}

async function boxOf(place: Locator, name: string) {
  await place.scrollIntoViewIfNeeded();
  const box = await place.boundingBox();
  if (!box) throw new Error(`There is no place for ${name} on the page.`);
  return box;
}

/** Runs in the page: gaps between frames, until `stopFrames` is called. As text: tsx adds helpers to functions that a page lacks. */
function recordFrames(event: Path['event']): string {
  return `
    const gaps = [];
    let last = performance.now();
    let isOver = false;
    let handled = 0;
    const count = () => handled++;
    addEventListener('${event}', count, true);
    requestAnimationFrame(function frame(now) {
      gaps.push(now - last);
      last = now;
      if (!isOver) requestAnimationFrame(frame);
    });
    window.stopFrames = () => {
      isOver = true;
      removeEventListener('${event}', count, true);
      return { gaps: gaps.slice(1), handled };
    };
  `;
}

const PROCESS = 'ProcessTime';
/** Of a second; what is less is no work. */
const QUIET = 0.1;

/** Processor seconds of the page's main thread, and of all its process. */
export class Meter {
  private constructor(
    private readonly page: CDPSession,
    private readonly browser: CDPSession,
  ) {}

  static async of(page: Page): Promise<Meter> {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    const browser = page.context().browser();
    if (!browser) throw new Error('The browser cannot be asked what its processes work.');
    return new Meter(cdp, await browser.newBrowserCDPSession());
  }

  async read(): Promise<Record<string, number>> {
    const { metrics } = await this.page.send('Performance.getMetrics');
    const times = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    return { ...times, [PROCESS]: await this.processTime() };
  }

  /** Until nothing computes: times of recipes and searches are tried after a model was opened. */
  async quiet(): Promise<void> {
    for (let tries = 0, calm = 0; tries < 60 && calm < 3; tries++) {
      const before = await this.processTime();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      calm = (await this.processTime()) - before < QUIET ? calm + 1 : 0;
    }
  }

  private async processTime(): Promise<number> {
    const { processInfo } = await this.browser.send('SystemInfo.getProcessInfo');
    const renderers = processInfo.filter(({ type }) => type === 'renderer');
    return renderers.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  }
}

async function until(time: number): Promise<void> {
  const left = time - performance.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}
