/**
 * @file Who may import whom: DESIGN's table of layers as lint rules. A layer may import itself, what stands in its row,
 * and npm packages. Type imports count. Tests are free: they compare layers with each other.
 */
const EVERYWHERE = ['errors', 'pulse'];

/** What a page or a driver may see of the engine: never a weight, never a GPU object. */
const ENGINE_EDGE = [
  'engine/client\\.ts$',
  'engine/protocol(?:_events|_reports)?\\.ts$',
  'engine/(?:memory_)?plan\\.ts$',
  'compress/gguf/file_types\\.ts$',
  'engine/report(?:_texts)?\\.ts$',
  'engine/export/options\\.ts$',
  'engine/version\\.ts$',
  // What a log makes of results: figures alone.
  'engine/metrics',
  // What test support of either answers in its place.
  'engine/testing\\.ts$',
  'compress/slicegpt/plan\\.ts$',
  // What every method is called and takes; its work runs in the engine alone.
  'compress/(?:registry|method)\\.ts$',
  'compress/(?:recipe|options)',
  'platform',
];

const LAYERS = {
  errors: [],
  pulse: [],
  tensor: [],
  offline: [],
  // Figures as words and drawings: pages and the command line write the same report.
  report: [],
  platform: [],
  formats: ['tensor'],
  backend: ['tensor'],
  models: ['tensor', 'formats'],
  runtime: ['tensor', 'formats', 'models', 'backend'],
  statistics: ['tensor', 'formats', 'models', 'backend', 'runtime'],
  compress: ['tensor', 'formats', 'models', 'backend', 'runtime', 'statistics'],
  export: ['tensor', 'formats', 'models'],
  engine: ['tensor', 'formats', 'models', 'backend', 'runtime', 'statistics', 'compress', 'export', 'platform'],
  app: [...ENGINE_EDGE, 'report'],
  cli: [...ENGINE_EDGE, 'report'],
  // It measures the CPU backend with the engine's threads.
  bench: [
    ...['tensor', 'formats', 'models', 'backend', 'runtime', 'statistics', 'compress', 'cli'],
    ...['engine/compute_threads\\.ts$', ...ENGINE_EDGE],
  ],
};

const TESTS = '\\.test\\.tsx?$';

function layerRule([layer, allowed]) {
  const targets = [layer, ...EVERYWHERE, ...allowed].map(
    (target) => `^src/${target}${target.endsWith('$') ? '' : '/'}`,
  );
  return {
    name: `layer-${layer}`,
    comment: `src/${layer} may import only: ${[layer, ...EVERYWHERE, ...allowed].join(', ')} (see ARCHITECTURE.md).`,
    severity: 'error',
    from: { path: `^src/${layer}/`, pathNot: TESTS },
    to: { path: '^src/', pathNot: targets },
  };
}

export default {
  forbidden: [
    ...Object.entries(LAYERS).map(layerRule),
    {
      name: 'unlisted-layer',
      comment: 'A new folder under src needs a row in the table of layers.',
      severity: 'error',
      from: { path: `^src/(?!(?:${Object.keys(LAYERS).join('|')})/)[^/]+/` },
      to: {},
    },
    {
      name: 'shaders-in-backend-only',
      comment: 'WGSL is imported by the WebGPU backend alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/backend/', TESTS] },
      to: { path: '^shaders/' },
    },
    {
      name: 'src-is-closed',
      comment: 'The program imports nothing from tests, tools or end-to-end specs.',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { path: '^(?:test|e2e|tools)/' },
    },
    {
      name: 'no-tests-in-program',
      comment: 'Only tests import tests.',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { path: TESTS },
    },
    {
      name: 'no-circular',
      comment: 'Modules that need each other are one module; a cycle of types alone does no harm.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'A package file asked for by URL is resolved by Vite, which stops the build if it is missing.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true, pathNot: '\\?url$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mjs', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
