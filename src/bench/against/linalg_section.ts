/**
 * @file Dense linear algebra in f64 beside torch: eigenpairs, factors, inverses and the best matrix of half the rank, by the CPU
 * backend's threads and by torch, in turn. Whittle runs where people run it, in the headless command's browser, whose engine has
 * fused multiply-add and wider vectors; in Node, which has neither, where that is asked for.
 */
import { fileURLToPath } from 'node:url';
import { createNodeCrew } from '../../backend/wasm/testing.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { openBench } from '../bench_browser.ts';
import {
  LINALG_OPERATIONS,
  type LinalgOperation,
  type LinalgRequest,
  type LinalgTimes,
  linalgTimes,
} from '../linalg_times.ts';
import { median } from '../median.ts';
import { digits, table } from '../tables.ts';
import { type Python, runPython } from './python.ts';

const SCRIPT = fileURLToPath(new URL('../../../tools/bench/torch_linalg.py', import.meta.url));
const PATIENCE_MS = 1_200_000;

/** The most that each may take beside torch; `low_rank` stands beside a whole SVD. */
const WANTED: Record<LinalgOperation, number> = {
  eigh: 2.5,
  sites: 1.5,
  eigenvalues: 2.5,
  cholesky: 4,
  solve: 4,
  triangular_inverse: 4,
  inverse_factor: 4,
  low_rank: 4,
};

/** Where the threads solve a matrix each. */
const SITES = 8;

/** Where Whittle runs. */
export type LinalgPlace = 'browser' | 'node';

export interface LinalgReport {
  place: LinalgPlace;
  figures: LinalgFigure[];
}

export interface LinalgFigure {
  operation: LinalgOperation;
  n: number;
  /** Medians over the rounds, of each round's least. */
  whittle_ms: number;
  torch_ms: number;
  /** Median of the rounds' own ratios. */
  ratio: number;
  wanted: number;
}

/** Rounds, and runs of a round: both sides take turns, so that a busy minute weighs on both. */
export interface LinalgPlan {
  n: number;
  rounds: number;
  repeats: number;
  /** PCAs of one job that do not wait for one another; torch has them one after another. */
  sites: number;
}

export function linalgPlan(quick: boolean): LinalgPlan[] {
  if (quick) return [{ n: 576, rounds: 1, repeats: 5, sites: SITES }];
  return [
    { n: 576, rounds: 5, repeats: 5, sites: SITES },
    { n: 1536, rounds: 3, repeats: 2, sites: 0 },
    { n: 4096, rounds: 1, repeats: 1, sites: 0 },
  ];
}

/** @throws Where the browser gives no figures. */
export async function measureLinalg(
  plan: readonly LinalgPlan[],
  python: Python,
  threads: number,
  place: LinalgPlace,
  say: (text: string) => void = () => {},
): Promise<LinalgReport> {
  const whittle = place === 'node' ? await inNode(threads) : await inBrowser();
  try {
    const figures: LinalgFigure[] = [];
    for (const { n, rounds, repeats, sites } of plan) {
      const done: { whittle: LinalgTimes; torch: LinalgTimes }[] = [];
      for (let round = 1; round <= rounds; round++) {
        const label = `linear algebra, n = ${n}, round ${round} of ${rounds}`;
        say(`${label}: Whittle`);
        const own = await whittle.times(label, { n, repeats, sites });
        say(`${label}: torch`);
        const answer = await runPython(
          python.command,
          [SCRIPT, `${n}`, `${threads}`, `${repeats}`, `${sites}`],
          PATIENCE_MS,
        );
        done.push({ whittle: own, torch: JSON.parse(answer) as LinalgTimes });
      }
      figures.push(...figuresOf(n, done));
    }
    return { place, figures };
  } finally {
    await whittle.close();
  }
}

interface Whittle {
  times(label: string, request: LinalgRequest): Promise<LinalgTimes>;
  close(): Promise<void>;
}

async function inBrowser(): Promise<Whittle> {
  const bench = await openBench();
  return {
    async times(label, request) {
      const times = await bench.ask(label, 'linalg', request);
      if (!times) throw new Error(`The browser gave no figures of ${label}.`);
      return times;
    },
    close: () => bench.close(),
  };
}

async function inNode(threads: number): Promise<Whittle> {
  const backend = createWasmBackend(threads > 1 ? await createNodeCrew(threads - 1) : undefined);
  return {
    times: (_, request) => linalgTimes(backend, request),
    close: async () => backend.dispose(),
  };
}

/** Pure. @param rounds At least one. */
export function figuresOf(n: number, rounds: readonly { whittle: LinalgTimes; torch: LinalgTimes }[]): LinalgFigure[] {
  return LINALG_OPERATIONS.flatMap((operation) => {
    const times = rounds.flatMap(({ whittle: { [operation]: own }, torch: { [operation]: other } }) =>
      own === undefined || other === undefined ? [] : [{ own, other }],
    );
    if (times.length === 0) return [];
    return {
      operation,
      n,
      whittle_ms: median(times.map(({ own }) => own)),
      torch_ms: median(times.map(({ other }) => other)),
      ratio: median(times.map(({ own, other }) => own / other)),
      wanted: WANTED[operation],
    };
  });
}

const PLACES: Record<LinalgPlace, string> = {
  browser: "the headless command's browser",
  node: `Node ${process.versions.node}`,
};

export function linalgTable({ place, figures }: LinalgReport): string {
  return table(
    `linear algebra in f64 against torch (Whittle in ${PLACES[place]}, on its threads)`,
    ['operation', 'n', 'whittle_ms', 'torch_ms', 'ratio', 'wanted'],
    figures.map(({ operation, n, whittle_ms, torch_ms, ratio, wanted }) => [
      ...[operation, `${n}`, whittle_ms.toFixed(1), torch_ms.toFixed(1), digits(ratio)],
      `≤ ${wanted}`,
    ]),
  );
}
