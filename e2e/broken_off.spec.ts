/**
 * Every stage of the work, broken off in its middle in four ways, and gone on with: the same file as an unbroken run, by its SHA-256.
 * WHITTLE_FULL=1 runs the table (about 25 minutes on two cores); without it sessions.spec.ts and nothing_lost.spec.ts show one row of
 * each way.
 */
import type { BrowserContext, Page } from '@playwright/test';
import { test as plain } from '@playwright/test';
import { expect, isFull, region, waitForJob } from './fixtures.ts';

type How = 'reload' | 'killed Worker' | 'closed page' | 'full disk';
const HOWS: readonly How[] = ['reload', 'killed Worker', 'closed page', 'full disk'];

interface Stage {
  readonly name: string;
  /** Settings of the address behind those of the windows. */
  readonly settings?: string;
  /** The engine's events of this type or stage; the job is broken off at the n-th. */
  readonly sign: string;
  readonly after: number;
  /** Absent: opening the model is broken off; what is made afterwards stands on its spectra. */
  readonly isAct?: true;
  /** What is made, from the open model on. */
  readonly act: (page: Page) => Promise<void>;
  readonly title: string;
  /** Of the job that goes on, where it is another: what was made already is not made again. */
  readonly goneOn?: string;
  readonly isExport?: true;
}

const slicing = async (page: Page) => {
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
};
const recipe = async (page: Page) => {
  await page.getByRole('button', { name: 'Run the recipe' }).click();
};
const exporting = async (page: Page) => {
  await page
    .getByRole('button', { name: /^Export/ })
    .first()
    .click();
};
const OPENING = 'Opening the model';
const TURNING = { settings: 'schedule=rotate-once', act: slicing, title: 'Slicing 25 %' };
const GPTQ = { settings: 'recipe=gptq:bits=4', act: recipe, title: 'gptq:bits=4', isAct: true } as const;
const HEAL = 'magnitude:sparsity=0.5; heal:rank=2,steps=6,batch=1';

const STAGES: readonly Stage[] = [
  { name: 'reading the model', ...TURNING, sign: 'loading', after: 1 },
  { name: 'the dense evaluation', ...TURNING, sign: 'dense_evaluation', after: 2 },
  { name: 'the spectra', ...TURNING, sign: 'calibration', after: 4 },
  { name: 'sequential slicing', sign: 'compression', after: 8, act: slicing, title: 'Slicing 25 %', isAct: true },
  { name: 'rotate-once slicing', ...TURNING, sign: 'compression', after: 3, isAct: true },
  { name: 'a step that quantises', ...GPTQ, sign: 'compression', after: 8 },
  { name: 'the evaluation of the result', ...GPTQ, sign: 'evaluation', after: 2, goneOn: 'Measuring what was made' },
  { name: 'healing', settings: `recipe=${HEAL}`, sign: 'training', after: 3, act: recipe, title: HEAL, isAct: true },
  {
    name: 'the search for a size',
    settings: 'size=2600000',
    ...{ sign: 'search', after: 12, title: 'Best model of', isAct: true },
    act: (page) => page.getByRole('button', { name: 'Find and make it' }).click(),
  },
  { name: 'an export', sign: 'export', after: 2, act: exporting, title: 'Exporting', isAct: true, isExport: true },
  {
    name: 'a verification',
    sign: 'verification',
    after: 2,
    act: exporting,
    title: 'Exporting',
    isAct: true,
    isExport: true,
  },
];

/** What the page does at a sign of its engine, and the hashes of the files that were written last. */
interface Watched {
  breakAt?: { sign: string; after: number; how: How };
  hashes: string[];
  /** Tells the test, which closes the page or fills the disk. */
  reached?: () => void;
}

/** In every page of the context: sees what the engine says before the page does. */
function watchEngine(): void {
  const watched = window as unknown as Watched;
  watched.hashes = [];
  const Original = window.Worker;
  window.Worker = class extends Original {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      if (options?.name !== 'whittle-engine') return;
      this.addEventListener('message', ({ data }: MessageEvent) => {
        const files: { name: string; sha256: string }[] | undefined =
          data.type === 'result' ? data.result?.files : undefined;
        if (files?.[0]?.sha256)
          watched.hashes = files.filter(({ name }) => name !== 'report.json').map((f) => `${f.name} ${f.sha256}`);
        const wanted = watched.breakAt;
        const event = data.type === 'event' ? data.event : undefined;
        if (!wanted || !event || (event.type !== wanted.sign && event.stage !== wanted.sign)) return;
        wanted.after -= 1;
        if (wanted.after > 0) return;
        watched.breakAt = undefined;
        if (wanted.how === 'killed Worker') this.terminate();
        else if (wanted.how === 'reload') location.reload();
        else watched.reached?.();
      });
    }
  };
}

const job = (page: Page) => region(page, 'Job').locator('.job-line');
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

async function openPage(context: BrowserContext, settings = ''): Promise<Page> {
  const page = await context.newPage();
  page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
  await page.goto(`./#calibration=2&evaluation=2&length=32&${settings}`);
  await expect(region(page, 'Calibration').getByRole('spinbutton', { name: /^Length/ })).toHaveValue('32');
  return page;
}

const openDemo = (page: Page) => page.getByRole('button', { name: 'Try the built-in model' }).click();

/** The file of what the job made. */
async function fileOf(page: Page, isExported: boolean): Promise<string[]> {
  if (!isExported) {
    await exporting(page);
    await waitForJob(page, 'Exporting');
  }
  const hashes = await page.evaluate(() => (window as unknown as Watched).hashes);
  expect(hashes.length).toBeGreaterThan(1);
  return hashes;
}

/** Something to be exported. */
async function made(page: Page): Promise<void> {
  await slicing(page);
  await waitForJob(page, 'Slicing 25 %');
}

const unbroken = new Map<string, Promise<string[]>>();

async function unbrokenFile({ settings, act, title, isExport }: Stage, context: BrowserContext): Promise<string[]> {
  const page = await openPage(context, settings);
  await openDemo(page);
  await waitForJob(page, OPENING);
  if (isExport) await made(page);
  await act(page);
  await waitForJob(page, escaped(title));
  const hashes = await fileOf(page, isExport === true);
  await page.close();
  return hashes;
}

/** @returns The page to go on in. */
async function brokenOff(page: Page, stage: Stage, how: How, begin: () => Promise<void>): Promise<Page> {
  const context = page.context();
  let reach = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  await page.exposeFunction('reached', () => reach());
  await page.evaluate((wanted) => Object.assign(window, { breakAt: wanted }), {
    sign: stage.sign,
    after: stage.after,
    how,
  });
  const cdp = await context.newCDPSession(page);
  const origin = new URL(page.url()).origin;
  const loaded = how === 'reload' ? page.waitForEvent('load') : undefined;
  await begin();
  if (how === 'killed Worker') {
    // Once: an export's card tells it in place of the page.
    await expect(page.getByRole('alert')).toContainText(': the engine stopped', { timeout: 60_000 });
    await waitForJob(page, 'Restarting the engine');
  } else if (how === 'reload') {
    await loaded;
  } else {
    await reached;
    if (how === 'closed page') {
      await page.close({ runBeforeUnload: false });
      return openPage(context, stage.settings);
    }
    // Nothing more fits. What is written afterwards fails; a stage that writes nothing comes to its end.
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    await expect(job(page)).toHaveText(/done in|failed/, { timeout: 120_000 });
    await cdp.send('Storage.overrideQuotaForOrigin', { origin });
  }
  return page;
}

/** As a person does who comes back. */
async function goOn(page: Page, stage: Stage, how: How): Promise<void> {
  const offer = region(page, 'Sessions').getByRole('button', { name: 'Go on' });
  if (how === 'full disk') {
    if (!/failed/.test((await job(page).textContent()) ?? '')) return;
    await (stage.isAct ? stage.act(page) : openDemo(page));
  } else if (stage.isAct && how === 'killed Worker') {
    await page
      .getByRole('dialog', { name: /was broken off/ })
      .getByRole('button', { name: 'Go on' })
      .click();
  } else if (stage.isAct) await offer.click();
  else {
    // Nothing was made yet: a session is offered where the model was open already.
    const open = page.getByRole('button', { name: 'Try the built-in model' });
    await expect(offer.or(open).first()).toBeVisible();
    if (await offer.isVisible()) await offer.click();
    else if (!(await region(page, 'Model').getByText('4 × 256').first().isVisible())) await openDemo(page);
    // A model that was open when its engine died is open again, and measured when a person asks for it.
    else await region(page, 'Calibration').getByRole('button', { name: 'Measure', exact: true }).click();
  }
}

for (const stage of STAGES) {
  for (const how of HOWS) {
    plain(`${stage.name}, ${how}: the same file`, async ({ context }) => {
      plain.skip(!isFull, 'WHITTLE_FULL=1: the whole table');
      await context.addInitScript(watchEngine);
      const known = `${stage.settings} ${stage.title}`;
      const page = await openPage(context, stage.settings);
      const begin = () => (stage.isAct ? stage.act(page) : openDemo(page));
      if (stage.isAct) {
        await openDemo(page);
        await waitForJob(page, OPENING);
      }
      if (stage.isExport) await made(page);
      const next = await brokenOff(page, stage, how, begin);
      await goOn(next, stage, how);
      if (!stage.isAct) {
        await expect(next.getByRole('button', { name: 'Slice', exact: true })).not.toHaveAttribute(
          'aria-disabled',
          'true',
          {
            timeout: 60_000,
          },
        );
        await stage.act(next);
      }
      const ends = how === 'full disk' ? stage.title : (stage.goneOn ?? stage.title);
      await waitForJob(next, escaped(ends));
      const found = await fileOf(next, stage.isExport === true);
      if (!unbroken.has(known)) {
        const other = await context.browser()?.newContext({ baseURL: new URL(next.url()).origin });
        if (!other) throw new Error('There is no browser.');
        await other.addInitScript(watchEngine);
        unbroken.set(
          known,
          unbrokenFile(stage, other).finally(() => other.close()),
        );
      }
      expect(found).toEqual(await unbroken.get(known));
    });
  }
}
