/** @file What a device can do, as named facts: the same for the panel and for the text that is copied. */
import type { BackendInfo, MatmulChoice } from '../../engine/protocol.ts';
import { formatBytes } from '../format.ts';

export interface PageCapabilities {
  /** Cross-origin isolated: threads may share memory. */
  isolated: boolean;
  threads: number;
  browser: string;
  /** Without a network: page, engine and built-in model are kept; will be at the next visit; cannot be. */
  offline: 'kept' | 'later' | 'no';
  opfs: 'yes' | 'refused' | 'missing' | 'looking';
  persisted: boolean | null;
  quota: string | null;
}

export interface CapabilityGroup {
  title: string;
  facts: readonly CapabilityFact[];
}

interface CapabilityFact {
  name: string;
  value: string;
  title?: string;
  /** As WebGPU has it, for a bug report; `name` is for people. */
  term?: string;
}

export function capabilityGroups(backend: BackendInfo | null, page: PageCapabilities): CapabilityGroup[] {
  return [...(backend ? backendGroups(backend) : []), browserGroup(page)];
}

/** For a bug report. */
export function capabilityText(groups: readonly CapabilityGroup[]): string {
  return groups
    .map(({ title, facts }) =>
      [title, ...facts.map(({ name, term, value }) => `  ${term ?? name}: ${value}`)].join('\n'),
    )
    .join('\n');
}

function backendGroups(backend: BackendInfo): CapabilityGroup[] {
  const { kind, vendor, architecture, description, isFallbackAdapter, capabilities } = backend;
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed';
  const groups: CapabilityGroup[] = [
    {
      title: 'Computes on',
      facts: [
        { name: 'Backend', value: kind === 'webgpu' ? 'WebGPU' : 'CPU' },
        { name: kind === 'webgpu' ? 'Adapter' : 'Processor', value: name },
        ...(kind === 'webgpu' ? [{ name: 'Software adapter', value: yesNo(isFallbackAdapter) }] : []),
        ...(capabilities?.matmul_variant ? productFacts(capabilities.matmul_variant) : []),
      ],
    },
  ];
  if (!capabilities) return groups;
  const { features, limits, subgroups, floats } = capabilities;
  groups.push({
    title: 'Offers',
    facts: [
      { name: '16-bit floats', value: yesNo(features.includes('shader-f16')) },
      { name: 'Subgroups', value: subgroups ? `${[...new Set(subgroups)].join(' to ')} lanes` : 'no' },
      ...Object.entries(limits).map(([limit, value]) => ({
        name: LIMITS[limit] ?? limit,
        value: limit.endsWith('Size') ? formatBytes(value) : String(value),
        title: limit,
        term: limit,
      })),
      { name: 'Features', value: features.join(', ') || 'none' },
    ],
  });
  groups.push({ title: 'Arithmetic, tried at the start', facts: floats ? floatFacts(floats) : UNTRIED });
  return groups;
}

function productFacts({ name, chosen_by, times_default = 1, multiply_adds_per_second }: MatmulChoice) {
  const why = {
    measurement:
      times_default > 1
        ? `chosen by measurement on this adapter (${times_default.toFixed(1)} × the default)`
        : 'the default, fastest by measurement on this adapter',
    default: 'the default, not measured',
    'software adapter': 'for software adapters',
  }[chosen_by];
  const title = name.startsWith('subgroup')
    ? 'Rows × columns that a workgroup computes'
    : 'Threads across and down a workgroup; each computes 8 × 8 elements';
  const facts: CapabilityFact[] = [{ name: 'Matrix product', value: `${name}, ${why}`, title }];
  if (multiply_adds_per_second !== undefined) {
    // A multiply-add counts as two.
    const value = `${Number(((2 * multiply_adds_per_second) / 1e9).toPrecision(2))} GFLOP/s`;
    facts.push({ name: 'Reached by it', value, title: 'Of a large product' });
  }
  return facts;
}

/** WebGPU's names are wider than the panel. */
const LIMITS: Readonly<Record<string, string>> = {
  maxBufferSize: 'Largest buffer',
  maxStorageBufferBindingSize: 'Largest matrix in one piece',
  maxStorageBuffersPerShaderStage: 'Buffers a kernel',
  maxComputeWorkgroupStorageSize: 'Memory of a workgroup',
  maxComputeInvocationsPerWorkgroup: 'Threads of a workgroup',
  maxComputeWorkgroupsPerDimension: 'Workgroups a dimension',
};

const SUMMATIONS = {
  integer: 'in pairs, by integers',
  float: 'in pairs, by floats',
  plain: 'rounded to 32 bits',
} as const;

/** Integers are right on every adapter that keeps to WGSL. */
const UNTRIED = [
  { name: 'Test', value: 'could not run' },
  { name: 'Covariances are summed', value: SUMMATIONS.integer },
];

function floatFacts(floats: NonNullable<NonNullable<BackendInfo['capabilities']>['floats']>) {
  return [
    {
      name: 'Covariances are summed',
      value: SUMMATIONS[floats.summation],
      title: 'In pairs nothing is lost between chunks, however long the calibration text is',
    },
    { name: 'Pairs by integers are exact', value: yesNo(floats.integer_sum) },
    {
      name: 'Pairs by floats are exact',
      value: yesNo(floats.float_sum),
      title: 'Some compilers simplify a two-sum to zero',
    },
    { name: 'fma rounds once', value: yesNo(floats.fma_fused) },
    { name: 'a·b + c rounds once', value: yesNo(floats.contracts) },
    { name: 'Subnormal numbers', value: floats.subnormals_kept ? 'kept' : 'flushed to zero' },
    { name: 'NaN seen by its bits', value: yesNo(floats.nan_by_bits) },
    { name: 'NaN differs from itself', value: yesNo(floats.nan_differs_from_itself) },
    { name: 'NaN survives max()', value: yesNo(floats.nan_survives_max) },
    { name: 'Division is right to', value: `${floats.division_ulp.toFixed(2)} ulp` },
    { name: 'Square root is right to', value: `${floats.sqrt_ulp.toFixed(2)} ulp` },
    { name: 'Took', value: `${floats.ms.toFixed(0)} ms` },
  ];
}

const OFFLINE = {
  kept: 'works, with the built-in model',
  later: 'works from the next visit on',
  no: 'does not work: the browser keeps no pages here',
} as const;

function browserGroup({
  isolated,
  threads,
  browser,
  offline,
  opfs,
  persisted,
  quota,
}: PageCapabilities): CapabilityGroup {
  const shared = isolated ? 'yes' : 'no: one thread only';
  return {
    title: 'Browser',
    facts: [
      { name: 'Processor threads', value: String(threads) },
      { name: 'Cross-origin isolated', value: shared, title: 'Only then may threads share memory' },
      { name: 'Without a network', value: OFFLINE[offline] },
      { name: 'Private file system (OPFS)', value: opfs === 'yes' ? 'yes' : opfs },
      {
        name: 'Storage is kept',
        value: persisted === null ? 'unknown' : persisted ? 'yes' : 'until space is short',
      },
      ...(quota ? [{ name: 'Storage used', value: quota }] : []),
      { name: 'Browser', value: browser },
    ],
  };
}

function yesNo(is: boolean): string {
  return is ? 'yes' : 'no';
}
