import { describe, expect, it } from 'vitest';
import { MODEL, PROTOCOL, perplexityReport, siteReport, slicedReport } from '../testing.ts';
import { energies, energySummary, firstBasisNote, headCosts, headPlans, matchingRuns, planOf } from './plan.ts';
import { addRun, addSite, addWindow, changeRun, isSameEvaluation, NO_RESULTS, type Run, removeRun } from './results.ts';
import { DEFAULT_SETTINGS, type Settings, sliceOptions } from './settings.ts';
import { explainSize } from './size_parts.ts';

const SETTINGS: Settings = DEFAULT_SETTINGS;

function run(id: string, change: Partial<Settings> = {}, is_preview = false): Run {
  const settings = { ...SETTINGS, ...change };
  return {
    id,
    is_preview,
    report: slicedReport(id, sliceOptions(settings)),
    perplexity: perplexityReport(id, 80),
    protocol: PROTOCOL,
    exports: [],
  };
}

describe('the plan', () => {
  it('has the built-in model at 25 % as DESIGN counts it: 3.66 M tied, 4.40 M untied, 3.40 M tied-sliced', () => {
    const { plan } = planOf(MODEL, SETTINGS);
    expect(plan).toMatchObject({ dimension: 192, head: 'tied' });
    expect(plan!.parameters / 1e6).toBeCloseTo(3.66, 2);
    expect(plan!.bytes).toBe(2 * plan!.parameters);
    const costs = headCosts(MODEL.shape, 192);
    expect(costs.untied! / 1e6).toBeCloseTo(4.4, 2);
    expect(costs['tied-sliced']! / 1e6).toBeCloseTo(3.4, 2);
  });

  it('says why settings cannot be, instead of throwing while React draws', () => {
    expect(planOf(MODEL, { ...SETTINGS, round: 250 })).toMatchObject({ plan: null, error: { code: 'bad_option' } });
    const untied = { ...MODEL, shape: { ...MODEL.shape, tied: false } };
    expect(planOf(untied, { ...SETTINGS, head: 'tied' }).error).toMatchObject({ place: { field: 'head' } });
    expect(headCosts(untied.shape, 192)).toMatchObject({ tied: null, 'tied-sliced': null });
  });

  it('has the size of every head at the dimension, and why a head is not allowed', () => {
    const { plan } = planOf(MODEL, SETTINGS);
    const heads = headPlans(MODEL.shape, 192);
    expect(heads.map(({ head }) => head)).toEqual(['untied', 'sliced', 'tied', 'tied-sliced']);
    expect(heads.find(({ head }) => head === 'tied')?.plan).toEqual(plan);
    const normed = headPlans({ ...MODEL.shape, embedding_norm: 256 }, 192);
    expect(normed.filter(({ refusal }) => refusal).map(({ head }) => head)).toEqual(['tied-sliced']);
  });

  it('has one site a layer where blocks are parallel', () => {
    const parallel = { ...MODEL, shape: { ...MODEL.shape, parallel: true } };
    expect(planOf(parallel, SETTINGS).plan?.dimensions).toEqual([192, 192, 192, 192, 256]);
    expect(planOf(MODEL, SETTINGS).plan?.dimensions).toHaveLength(9);
  });

  it('is none for a model that cannot be sliced, which is no fault of the settings', () => {
    const refused = { ...MODEL, shape: { ...MODEL.shape, slicing_refusal: 'Its layers norm their outputs.' } };
    expect(planOf(refused, SETTINGS)).toEqual({ plan: null, error: null });
  });

  it('redraws discarded energy from the spectra', () => {
    const dimensions = [2, 2, 2];
    expect(energies([siteReport(1, [6, 3, 1])], { dimensions })).toEqual([
      { site: 1, label: 'site 1', discarded: 0.1, is_cut: true },
    ]);
    expect(energies([siteReport(1, [6, 3, -1e-9])], { dimensions })[0].discarded).toBe(0);
  });

  it.each([
    { head: 'tied', last: 0 },
    { head: 'untied', last: 0 },
    { head: 'tied-sliced', last: 0 },
    { head: 'sliced', last: 0.25 },
  ] as const)('cuts the last site only where the head is sliced: $head', ({ head, last }) => {
    const { plan } = planOf(MODEL, { ...SETTINGS, head });
    // Flat spectra: keeping 192 of 256 discards exactly a quarter.
    const flat = Array.from({ length: 9 }, (_, site) => siteReport(site, new Array<number>(256).fill(1)));
    const planned = energies(flat, plan!);
    expect(planned.map((energy) => energy.discarded)).toEqual([...new Array<number>(8).fill(0.25), last]);
    expect(planned[8].is_cut).toBe(last > 0);
    expect(energySummary(planned)).toEqual({ mean: 0.25, most: 0.25 });
  });

  it('says that the embedding of a tied-sliced model is cut by another basis than the one shown', () => {
    expect(firstBasisNote('tied-sliced')).toMatch(/EᵀE/);
    expect(firstBasisNote('tied')).toBeNull();
  });

  it('discards nothing at 0 %, and says nothing before calibration', () => {
    const { plan } = planOf(MODEL, { ...SETTINGS, sparsity_percent: 0 });
    const flat = [siteReport(0, new Array<number>(256).fill(1))];
    expect(energySummary(energies(flat, plan!))).toEqual({ mean: 0, most: 0 });
    expect(energySummary([])).toBeNull();
  });

  it('calls growth growth, in words', () => {
    const untied = planOf(MODEL, { ...SETTINGS, head: 'untied' }).plan!;
    expect(explainSize(MODEL.shape, untied)[0]).toMatch(/adds 1\.05 M/);
    const tied = planOf(MODEL, SETTINGS).plan!;
    expect(explainSize(MODEL.shape, tied)).toEqual([
      'One table serves embedding and head: 737 k parameters fewer than untied.',
      'Shortcuts between the rotated layers add 307 k.',
    ]);
  });
});

describe('runs and settings', () => {
  const results = [
    run('exact'),
    run('quick', { schedule: 'rotate-once' }),
    run('other', { sparsity_percent: 30 }),
  ].reduce(addRun, { ...NO_RESULTS, model: MODEL, protocol: PROTOCOL });
  const plan = planOf(MODEL, SETTINGS).plan;

  it('shows only the runs that the settings describe', () => {
    const matches = matchingRuns(results, SETTINGS, plan);
    expect([matches.run?.id, matches.quick?.id]).toEqual(['exact', 'quick']);
    const official = { ...SETTINGS, fusion: 'official' as const };
    expect(matchingRuns(results, official, plan)).toEqual({ run: null, quick: null, shown: null });
  });

  it('does not take a run of other texts for a measurement of these', () => {
    const other = { ...results, protocol: { ...PROTOCOL, samples: 8 } };
    expect(matchingRuns(other, SETTINGS, plan)).toEqual({ run: null, quick: null, shown: null });
    expect(isSameEvaluation(PROTOCOL, { ...PROTOCOL, samples: 8 })).toBe(true);
    expect(isSameEvaluation(PROTOCOL, { ...PROTOCOL, seqlen: 128 })).toBe(false);
    const digested = (digest: string) => ({ ...PROTOCOL, evaluation: { ...PROTOCOL.evaluation, digest } });
    expect(isSameEvaluation(digested('a'), digested('b'))).toBe(false);
    // An earlier version wrote none.
    expect(isSameEvaluation(PROTOCOL, digested('b'))).toBe(true);
  });

  it('does not take a run with dimensions of its own for a place of the slider', () => {
    const own = run('own');
    const { bases } = own.report;
    own.report = { ...own.report, bases: { ...bases!, options: { ...bases!.options, dimensions: [8, 16] } } };
    expect(matchingRuns(addRun(results, own), SETTINGS, plan).run?.id).toBe('exact');
  });

  it('prefers what was measured to what was cancelled, of its schedule or of the quick one', () => {
    const unmeasured = { ...run('again'), perplexity: null };
    expect(matchingRuns(addRun(results, unmeasured), SETTINGS, plan).run?.id).toBe('exact');
    const onlyQuick = removeRun(addRun(results, unmeasured), 'exact');
    expect(matchingRuns(onlyQuick, SETTINGS, plan)).toMatchObject({ run: { id: 'again' }, shown: { id: 'quick' } });
    expect(matchingRuns(removeRun(onlyQuick, 'quick'), SETTINGS, plan).shown?.id).toBe('again');
  });

  it('keeps one quick measure and every run', () => {
    const first = addRun(results, run('q1', { sparsity_percent: 11, schedule: 'rotate-once' }, true));
    const second = addRun(first, run('q2', { sparsity_percent: 12, schedule: 'rotate-once' }, true));
    expect(second.runs.map(({ id }) => id)).toEqual(['exact', 'quick', 'other', 'q2']);
    expect(removeRun(second, 'q2').runs).toHaveLength(3);
    expect(changeRun(second, 'exact', { perplexity: null }).runs[0].perplexity).toBeNull();
  });

  it('starts a curve anew at its first window', () => {
    const event = { type: 'window', target: 'dense', count: 2, loss: 4, perplexity: 55, relative_spread: 0 } as const;
    let live = addWindow(NO_RESULTS, { ...event, index: 0 });
    live = addWindow(live, { ...event, index: 1, perplexity: 60 });
    expect(live.curves.dense.map((point) => [point.window, point.perplexity])).toEqual([
      [1, 55],
      [2, 60],
    ]);
    expect(addWindow(live, { ...event, index: 0 }).curves.dense).toHaveLength(1);
  });

  it('puts sites in order as they arrive and drops an older calibration', () => {
    const complete = { ...NO_RESULTS, spectra: { fusion: 'exact', sites: [siteReport(7, [1])], is_complete: true } };
    const arriving = addSite(addSite(complete, siteReport(2, [1]), 'exact'), siteReport(0, [1]), 'exact');
    expect(arriving.spectra?.sites.map(({ site }) => site)).toEqual([0, 2]);
    expect(addSite(arriving, siteReport(1, [1]), 'official').spectra).toMatchObject({
      fusion: 'official',
      sites: [{ site: 1 }],
    });
  });
});
