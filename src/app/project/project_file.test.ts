import { beforeAll, describe, expect, it } from 'vitest';
import { SLICE, source, started, TEXTS } from '../../../test/support/test_engine.ts';
import { MetricsLog } from '../../engine/metrics/metrics.ts';
import { slicingRecipe } from '../../engine/plan.ts';
import { toErrorData } from '../../errors/errors.ts';
import { dataOf, restoredState } from '../sessions/data.ts';
import { NO_RESULTS } from '../store/results.ts';
import { createStudioStore, type StudioState } from '../store/store.ts';
import { projectJsonSchema } from './json_schema.ts';
import { PROJECT_ENDING, projectText, readProject, sessionOf } from './project_file.ts';

const file = (text: string, name = `tiny${PROJECT_ENDING}`) => new File([text], name);
const PAGE = { id: 'session', saved_at: 1, backend: 'auto' } as const;

/** What a real engine reports of a small model: a slice, a recipe that trains nothing, spectra. */
let state: StudioState;
const metrics = new MetricsLog();

beforeAll(async () => {
  const engine = await started();
  const model = await engine.run('open', {
    source: await source(),
  });
  const protocol = await engine.run('set_texts', TEXTS);
  const dense = await engine.run('evaluate', { target: 'dense' });
  metrics.result('evaluate', dense);
  const { sites } = await engine.run('calibrate', { fusion: 'exact' });
  const slice = await engine.run('compress', slicingRecipe(SLICE));
  const report = await engine.run('compress', { steps: [{ method: 'rtn', options: { bits: 4, group: 8 } }] });
  const perplexity = await engine.run('evaluate', { target: report.id });
  metrics.result('evaluate', perplexity);
  const fresh = createStudioStore({ sparsity_percent: 12.5, round: 2 }).getState();
  state = {
    ...fresh,
    recipe: 'rtn:bits=4',
    edits: { fingerprint: model.fingerprint, at: '12.5/2', own: { 1: 6 }, locked: [1], multiple: 2 },
    selected: report.id,
    settings: { ...fresh.settings, texts: TEXTS },
    results: {
      ...NO_RESULTS,
      ...{ model, protocol, dense, texts: TEXTS },
      spectra: { fusion: 'exact', sites, is_complete: true },
      runs: [
        { id: slice.id, is_preview: false, report: slice, perplexity: null, protocol, exports: [], name: 'First' },
        { id: report.id, is_preview: false, report, perplexity, protocol, exports: [], is_pinned: true },
      ],
      curves: { dense: [{ window: 1, perplexity: Number.POSITIVE_INFINITY, relative_spread: null, loss: Number.NaN }] },
    },
  };
});

const saved = (of: StudioState = state) => projectText(of, metrics.kept(), 3) as string;

describe('a project file', () => {
  it('comes back as it was: settings, spectra, figures, log', async () => {
    const { data, info, files } = sessionOf(await readProject(file(saved())), PAGE);
    expect(info).toMatchObject({ fingerprint: state.results.model?.fingerprint, runs: 2, engines: 3 });
    const { results, settings, recipe, selected, edits } = structuredClone(dataOf(state, metrics.kept()));
    const { theme: _, texts: __, ...chosen } = { ...state.settings, ...settings };
    expect(edits).toEqual(state.edits);
    expect(data).toMatchObject({ settings: chosen, recipe, selected, edits, metrics: metrics.kept() });
    expect(data.results).toEqual({ ...results, texts: null });
    expect(data.results.spectra?.sites[0].eigenvalues).toBeInstanceOf(Float64Array);
    const shown = restoredState(createStudioStore().getState(), data, files);
    expect(shown.results?.runs[0]).toMatchObject({ is_lost: true, name: 'First' });
  });

  it('holds no text of a person, but its name', async () => {
    expect(saved()).toContain('"name":"calibration"');
    const { calibration } = TEXTS;
    expect(saved()).not.toContain(calibration.kind === 'text' ? calibration.text.slice(0, 40) : '');
    const { files, missing_texts } = sessionOf(await readProject(file(saved())), PAGE);
    expect(missing_texts).toEqual(['calibration', 'evaluation']);
    expect(files.measured).toBeNull();
    expect(files.texts).toMatchObject({ calibration: { kind: 'demo' }, seqlen: TEXTS.seqlen });
  });

  it('holds the kinds of built-in texts, and figures that they gave can be measured on', async () => {
    const calibration = { kind: 'demo', of: 'chat' } as const;
    const texts = { ...TEXTS, calibration, evaluation: { kind: 'demo' as const } };
    const own = { ...state, settings: { ...state.settings, texts }, results: { ...state.results, texts } };
    const { files, missing_texts } = sessionOf(await readProject(file(saved(own))), PAGE);
    expect(missing_texts).toEqual([]);
    expect(files).toMatchObject({ texts, measured: texts });
  });

  it('is written and read alike again', async () => {
    const { data, files } = sessionOf(await readProject(file(saved())), PAGE);
    const again = { ...createStudioStore().getState(), ...restoredState(state, data, files) };
    const [first, second] = [saved(), saved({ ...state, ...again })].map((text) => JSON.parse(text));
    for (const each of ['runs', 'spectra', 'dense', 'model', 'settings', 'front', 'metrics'])
      expect(second[each], each).toEqual(first[each]);
  });

  it('gives new runs names that none of its runs has', async () => {
    const project = await readProject(file(saved()));
    const run = { ...project.runs[0], report: { ...project.runs[0].report, id: 'run-7-2' } };
    expect(sessionOf({ ...project, engines: 0, runs: [run] }, PAGE).info.engines).toBe(8);
  });

  it('is published as a JSON schema', async () => {
    await expect(`${JSON.stringify(projectJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
      '../../../public/project.schema.json',
    );
  });
});

// biome-ignore lint/suspicious/noExplicitAny: JSON of a file, made wrong on purpose
type Change = (project: Record<string, unknown> & { [key: string]: any }) => unknown;

const BAD: [string, string | Change, field: string | undefined, allowed: RegExp][] = [
  ['no JSON', '{"format":', undefined, /JSON/],
  ['nothing', '', undefined, /JSON/],
  ['a list', '[]', 'format', /whittle-project/],
  ['null', 'null', 'format', /whittle-project/],
  ['another format', (p) => ({ ...p, format: 'onnx' }), 'format', /whittle-project/],
  ['a newer version', (p) => ({ ...p, version: 9 }), 'version', /version 1/],
  ['no model', ({ model: _, ...p }) => p, 'model', /./],
  ['no fingerprint', (p) => ({ ...p, model: { ...p.model, fingerprint: '' } }), 'model.fingerprint', /1/],
  [
    'a model of a trillion layers',
    (p) => ({ ...p, model: { ...p.model, shape: { ...p.model.shape, num_hidden_layers: 1e12 } } }),
    'model.shape.num_hidden_layers',
    /10000/,
  ],
  [
    'a sparsity of text',
    (p) => ({ ...p, settings: { ...p.settings, sparsity_percent: '25' } }),
    'settings.sparsity_percent',
    /number/,
  ],
  [
    'a built-in text that there is not',
    (p) => ({ ...p, texts: { ...p.texts, calibration: { kind: 'built-in', text: 'poems' } } }),
    'texts.calibration.text',
    /articles/,
  ],
  [
    'a text that lies elsewhere',
    (p) => ({ ...p, texts: { ...p.texts, calibration: { kind: 'url' } } }),
    'texts.calibration.kind',
    /built-in/,
  ],
  ['a perplexity of null', (p) => ({ ...p, dense: { ...p.dense, perplexity: null } }), 'dense.perplexity', /./],
  [
    'eigenvalues that are words',
    (p) => ({ ...p, spectra: { ...p.spectra, sites: [{ ...p.spectra.sites[0], eigenvalues: ['many'] }] } }),
    'spectra.sites.0.eigenvalues.0',
    /./,
  ],
  ['a run twice', (p) => ({ ...p, runs: [p.runs[0], p.runs[0]] }), 'runs.1.report', /own/],
  [
    'a run called dense',
    (p) => ({ ...p, runs: [{ ...p.runs[0], report: { ...p.runs[0].report, id: 'dense' } }] }),
    'runs.0.report',
    /own/,
  ],
  [
    'a run whose id is a path',
    (p) => ({ ...p, runs: [{ ...p.runs[0], report: { ...p.runs[0].report, id: '../x' } }] }),
    'runs.0.report.id',
    /letters/,
  ],
  [
    'a format of no kind',
    (p) => ({
      ...p,
      settings: { ...p.settings, export: { ...p.settings.export, sliced: { format: 'zip', precision: 'f16' } } },
    }),
    'settings.export.sliced.format',
    /gguf/,
  ],
];

it.each(BAD)('with %s is refused by field, found and allowed', async (_, change, field, allowed) => {
  const text = typeof change === 'string' ? change : JSON.stringify(change(JSON.parse(saved())));
  const error = toErrorData(
    await readProject(file(text)).then(
      () => 'read',
      (thrown: unknown) => thrown,
    ),
  );
  expect(error).toMatchObject({
    code: 'bad_project',
    place: { file: `tiny${PROJECT_ENDING}`, ...(field && { field }) },
  });
  expect(error.allowed).toMatch(allowed);
  expect(error.message).not.toMatch(/undefined$|\[object/);
  expect(error.action).toBeTruthy();
});

it('leaves out what this version does not know', async () => {
  const project = {
    ...JSON.parse(saved()),
    later: [1],
    front: { x: 'joules', y: 'kl', target: null, columns: ['kl', 'joules'] },
  };
  const { data } = sessionOf(await readProject(file(JSON.stringify(project))), PAGE);
  expect(data.front).toMatchObject({ x: 'bytes', y: 'kl', columns: ['kl'] });
});
