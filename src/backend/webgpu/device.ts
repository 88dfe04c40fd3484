/** @file Getting a GPU device with all that the adapter allows, or an error that says what to do. */
import { WhittleError } from '../../errors/errors.ts';
import type { AdapterCapabilities, BackendInfo } from '../backend.ts';

export interface WebGpuDevice {
  readonly device: GPUDevice;
  readonly info: BackendInfo;
  /** Least number of lanes in a subgroup; 0 without subgroups. */
  readonly subgroupMinSize: number;
  /** Rate of large products, multiply-adds a second, where it is known. */
  readonly macsPerSecond?: number;
}

/** Limits below the adapter's own, and a rate in place of the assumed one: for tests and for trying a weaker device. */
export interface DeviceBounds {
  maxTensorBytes?: number;
  macsPerSecond?: number;
  /** False: the device tells no timestamps, whether its adapter could or not. */
  timestamps?: boolean;
}

/**
 * Limits that are raised to the adapter's own: the defaults (256 MiB buffers, 128 MiB bindings) are below one matrix. All
 * others stay at their defaults, so that a kernel which would not compile on some other GPU compiles on none.
 */
const RAISED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** Names by which drivers that compute on the CPU give themselves away where `isFallbackAdapter` is missing. */
const SOFTWARE_DRIVER = /swiftshader|llvmpipe|lavapipe|basic render|\bwarp\b/i;

/**
 * @param gpu The browser's `navigator.gpu` unless given (Dawn in Node).
 * @throws `no_webgpu` where there is no WebGPU, no adapter or no device.
 */
export async function requestWebGpuDevice(
  gpu: GPU | undefined = browserGpu(),
  { maxTensorBytes, macsPerSecond, timestamps = true }: DeviceBounds = {},
): Promise<WebGpuDevice> {
  if (!gpu) {
    throw noWebGpu(
      'This browser has no WebGPU here.',
      'Use a current Chrome, Edge, Safari or Firefox, over https or localhost; or run on the CPU (backend "cpu").',
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw noWebGpu(
      'WebGPU is there, but no GPU adapter was offered.',
      'Turn on hardware acceleration in the browser settings, update the graphics driver and restart the browser (after repeated GPU crashes an adapter comes back after a reload); or run on the CPU (backend "cpu").',
    );
  }
  const requiredLimits: Record<string, number> = {};
  for (const name of RAISED_LIMITS) {
    const limit: number | undefined = adapter.limits[name];
    if (limit !== undefined) requiredLimits[name] = limit; // a name that a browser does not know refuses the device
  }
  try {
    // Only the kernels for software adapters use subgroups.
    const hasSubgroups = isSoftware(adapter) && adapter.features.has('subgroups');
    // For timelines; nothing is computed with them.
    const hasTimestamps = timestamps && adapter.features.has('timestamp-query');
    const requiredFeatures: GPUFeatureName[] = [
      ...(hasSubgroups ? (['subgroups'] as const) : []),
      ...(hasTimestamps ? (['timestamp-query'] as const) : []),
    ];
    const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
    const subgroupMinSize = hasSubgroups ? (infoOf(adapter).subgroupMinSize ?? 0) : 0;
    const info = backendInfo(adapter, device);
    const bounded = { ...info, maxTensorBytes: Math.min(info.maxTensorBytes, maxTensorBytes ?? info.maxTensorBytes) };
    return { device, info: bounded, subgroupMinSize, macsPerSecond };
  } catch (cause) {
    throw noWebGpu(
      `The GPU adapter refused a device: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Reload the page; if it persists, update the graphics driver or run on the CPU (backend "cpu").',
      cause,
    );
  }
}

function browserGpu(): GPU | undefined {
  return typeof navigator === 'undefined' ? undefined : (navigator as Partial<Navigator>).gpu;
}

/** Browsers from before 2024 have no `info`, and later ones may leave parts of it out. */
function infoOf(adapter: GPUAdapter): Partial<GPUAdapterInfo> {
  return (adapter as Partial<GPUAdapter>).info ?? {};
}

function isSoftware(adapter: GPUAdapter): boolean {
  const { architecture, description, device, isFallbackAdapter } = infoOf(adapter);
  const isDeclared = isFallbackAdapter ?? (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter ?? false;
  return isDeclared || SOFTWARE_DRIVER.test(`${architecture} ${description} ${device}`);
}

function backendInfo(adapter: GPUAdapter, device: GPUDevice): BackendInfo {
  const { vendor = '', architecture = '', description = '' } = infoOf(adapter);
  return {
    kind: 'webgpu',
    vendor,
    architecture,
    description,
    isFallbackAdapter: isSoftware(adapter),
    maxTensorBytes: Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize),
    capabilities: capabilities(adapter, device),
  };
}

/** Limits that decide what fits, for the capability page. */
const SHOWN_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

function capabilities(adapter: GPUAdapter, device: GPUDevice): AdapterCapabilities {
  const { subgroupMinSize: least, subgroupMaxSize: most } = infoOf(adapter);
  const limits = SHOWN_LIMITS.map((name) => [name, device.limits[name]] as const);
  return {
    features: [...adapter.features].sort(),
    limits: Object.fromEntries(limits.filter(([, limit]) => limit !== undefined)),
    ...(least !== undefined && most !== undefined && most > 0 && { subgroups: [least, most] as const }),
  };
}

function noWebGpu(message: string, action: string, cause?: unknown): WhittleError {
  return new WhittleError({ code: 'no_webgpu', message, action }, { cause });
}
