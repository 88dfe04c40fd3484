/** @file Compiled pipelines and bind groups of one device, cached by kernel, overrides and buffers. */
import type { GpuTensor } from './buffers.ts';
import type { DeviceFaults, FaultData } from './faults.ts';
import { originOf, shaderCode } from './fragments.ts';
import type { KernelDefinition } from './kernel.ts';
import type { UniformRing } from './uniforms.ts';

const COMPUTE = 4; // GPUShaderStage.COMPUTE; the global is absent in Node
/** Bind groups kept per kernel. Jacobi sweeps reuse a few thousand times what a forward pass uses once. */
const MAX_BIND_GROUPS = 256;

interface KernelEntry {
  module: GPUShaderModule;
  storageLayout: GPUBindGroupLayout;
  pipelineLayout: GPUPipelineLayout;
  pipelines: Map<string, GPUComputePipeline>;
  bindGroups: Map<string, GPUBindGroup>;
}

export class PipelineCache {
  private readonly kernels = new Map<string, KernelEntry>();

  constructor(
    private readonly device: GPUDevice,
    private readonly faults: DeviceFaults,
    private readonly uniforms: UniformRing,
  ) {}

  pipeline(definition: KernelDefinition, overrides: Readonly<Record<string, number>>): GPUComputePipeline {
    const entry = this.entry(definition);
    const key = keyOf(overrides);
    const cached = entry.pipelines.get(key);
    if (cached) return cached;
    const pipeline = this.compileScope(definition, entry.module, () =>
      this.device.createComputePipeline(descriptorOf(definition, entry, overrides)),
    );
    entry.pipelines.set(key, pipeline);
    return pipeline;
  }

  /** As {@link pipeline}, beside other work. What does not compile is left for its first use to tell. */
  async compile(definition: KernelDefinition, overrides: Readonly<Record<string, number>>): Promise<void> {
    const entry = this.entry(definition);
    const key = keyOf(overrides);
    if (entry.pipelines.has(key)) return;
    const descriptor = descriptorOf(definition, entry, overrides);
    const pipeline = await this.device.createComputePipelineAsync(descriptor).catch(() => undefined);
    if (pipeline && !entry.pipelines.has(key)) entry.pipelines.set(key, pipeline);
  }

  bindGroup(definition: KernelDefinition, tensors: readonly GpuTensor[]): GPUBindGroup {
    const entry = this.entry(definition);
    let key = '';
    for (const { id, offset } of tensors) key += offset === 0 ? `${id},` : `${id}+${offset},`;
    const cached = entry.bindGroups.get(key);
    if (cached) return cached;
    if (entry.bindGroups.size >= MAX_BIND_GROUPS) entry.bindGroups.clear();
    const bindGroup = this.device.createBindGroup({
      label: definition.name,
      layout: entry.storageLayout,
      entries: tensors.map(({ buffer, offset }, binding) => ({ binding, resource: { buffer, offset } })),
    });
    entry.bindGroups.set(key, bindGroup);
    return bindGroup;
  }

  private entry(definition: KernelDefinition): KernelEntry {
    const cached = this.kernels.get(definition.name);
    if (cached) return cached;
    const { device } = this;
    const label = definition.name;
    const module = this.compileScope(definition, undefined, () =>
      device.createShaderModule({ label, code: shaderCode(definition) }),
    );
    const storageLayout = device.createBindGroupLayout({
      label,
      entries: Object.values(definition.storage).map((access, binding) => ({
        binding,
        visibility: COMPUTE,
        buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
      })),
    });
    const hasParams = Object.keys(definition.params).length > 0;
    const bindGroupLayouts = hasParams ? [storageLayout, this.uniforms.bindGroupLayout] : [storageLayout];
    const pipelineLayout = device.createPipelineLayout({ label, bindGroupLayouts });
    const entry = { module, storageLayout, pipelineLayout, pipelines: new Map(), bindGroups: new Map() };
    this.kernels.set(definition.name, entry);
    return entry;
  }

  /** A kernel that does not compile is forgotten, so that its next use reports the fault again. */
  private compileScope<T>(definition: KernelDefinition, module: GPUShaderModule | undefined, compile: () => T): T {
    let compiled: T;
    const toFault = async (error: GPUError): Promise<FaultData> => {
      this.kernels.delete(definition.name);
      return shaderError(definition, error, module ?? (compiled as GPUShaderModule));
    };
    const compileOnce = () => {
      compiled = compile();
      return compiled;
    };
    // A driver that does not take valid WGSL is an internal error.
    return this.faults.scope('internal', () => this.faults.scope('validation', compileOnce, toFault), toFault);
  }
}

function keyOf(overrides: Readonly<Record<string, number>>): string {
  let key = '';
  for (const name in overrides) key += `${overrides[name]},`;
  return key;
}

function descriptorOf(
  { name }: KernelDefinition,
  { module, pipelineLayout }: KernelEntry,
  constants: Readonly<Record<string, number>>,
): GPUComputePipelineDescriptor {
  return { label: name, layout: pipelineLayout, compute: { module, entryPoint: 'main', constants } };
}

/** All compiler messages with their lines, as the driver gave them. */
async function shaderError(definition: KernelDefinition, error: GPUError, module: GPUShaderModule): Promise<FaultData> {
  const { name } = definition;
  const { messages } = await module.getCompilationInfo();
  const lines = messages
    .filter(({ type }) => type === 'error')
    .map(({ lineNum, linePos, message }) => {
      const { file, line } = originOf(definition, lineNum);
      return `${file} line ${line}:${linePos}: ${message}`;
    });
  return {
    code: 'shader_error',
    message: `The kernel ${name} does not compile on this GPU: ${lines.length > 0 ? lines.join('; ') : error.message}`,
    place: { file: `shaders/${name}.wgsl` },
    action: 'Please report this with the name of your GPU and browser; the CPU backend (backend "cpu") still works.',
  };
}
