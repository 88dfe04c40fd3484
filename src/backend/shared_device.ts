/**
 * @file One device under many backends, for tests: a software driver compiles a kernel in a tenth of a second and runs it in
 * less, so that most of a test's time went into compiling again what another test's device had. Only tests import this.
 */

/** What a device keeps of what it compiled, by what it was made from. */
class Compiled {
  private readonly made = new Map<string, object>();
  private readonly ids = new WeakMap<object, number>();
  private next = 1;

  /** @param key All that `make` makes it from; what was made here before stands in it by `idOf`. */
  once<T extends object>(key: string, make: () => T): T {
    const found = this.made.get(key);
    if (found) return found as T;
    const made = make();
    this.made.set(key, made);
    this.ids.set(made, this.next++);
    return made;
  }

  /** 0 for what was not made by `once`. */
  idOf(made: object): number {
    return this.ids.get(made) ?? 0;
  }

  /** After a fault: what is not valid is told once, and is to be told again when it is made again. */
  forget(): void {
    this.made.clear();
  }
}

/** A GPU whose adapters hand out the same device to all who ask for the same; each frees what it made when it destroys it. */
export function sharingGpu(gpu: GPU): GPU {
  const devices = new Map<string, Promise<{ device: GPUDevice; compiled: Compiled }>>();
  return withOwn(gpu, {
    async requestAdapter(options?: GPURequestAdapterOptions) {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return null;
      const requestDevice = async (descriptor?: GPUDeviceDescriptor) => {
        const key = JSON.stringify(descriptor);
        let shared = devices.get(key);
        if (!shared) {
          shared = adapter.requestDevice(descriptor).then((device) => ({ device, compiled: new Compiled() }));
          devices.set(key, shared);
          shared.then(({ device }) => device.lost).finally(() => devices.delete(key));
        }
        const { device, compiled } = await shared;
        return ownFace(device, compiled);
      };
      return withOwn(adapter, { requestDevice });
    },
  });
}

/** The device as one of its users sees it: gone once that one destroyed it, with scopes of errors that it closes itself. */
function ownFace(device: GPUDevice, compiled: Compiled): GPUDevice {
  let openScopes = 0;
  const listeners: Parameters<GPUDevice['addEventListener']>[] = [];
  let tellLost!: (info: GPUDeviceLostInfo) => void;
  const destroyed = new Promise<GPUDeviceLostInfo>((resolve) => {
    tellLost = resolve;
  });
  const onUncaptured = () => compiled.forget();
  device.addEventListener('uncapturederror', onUncaptured);
  const popErrorScope = async () => {
    openScopes--;
    const error = await device.popErrorScope();
    if (error) compiled.forget();
    return error;
  };
  return withOwn(device, {
    lost: Promise.race([device.lost, destroyed]),
    pushErrorScope(filter: GPUErrorFilter) {
      openScopes++;
      device.pushErrorScope(filter);
    },
    popErrorScope,
    addEventListener(...args: Parameters<GPUDevice['addEventListener']>) {
      listeners.push(args);
      device.addEventListener(...args);
    },
    createShaderModule: (descriptor: GPUShaderModuleDescriptor) =>
      compiled.once(`module ${descriptor.code}`, () => device.createShaderModule(descriptor)),
    createBindGroupLayout: (descriptor: GPUBindGroupLayoutDescriptor) =>
      compiled.once(`bindings ${JSON.stringify(descriptor.entries)}`, () => device.createBindGroupLayout(descriptor)),
    createPipelineLayout(descriptor: GPUPipelineLayoutDescriptor) {
      const layouts = [...descriptor.bindGroupLayouts].map((layout) => compiled.idOf(layout as object));
      return compiled.once(`layout ${layouts}`, () => device.createPipelineLayout(descriptor));
    },
    createComputePipeline(descriptor: GPUComputePipelineDescriptor) {
      const { module, entryPoint, constants } = descriptor.compute;
      const made = [compiled.idOf(module), compiled.idOf(descriptor.layout as object)];
      // Two of 0 could be different ones.
      if (made.includes(0)) return device.createComputePipeline(descriptor);
      const key = `pipeline ${made} ${entryPoint} ${JSON.stringify(constants)}`;
      return compiled.once(key, () => device.createComputePipeline(descriptor));
    },
    destroy() {
      // An open scope would keep the errors of those who use the device next.
      while (openScopes > 0) popErrorScope().catch(() => {});
      device.removeEventListener('uncapturederror', onUncaptured);
      for (const [type, listener] of listeners.splice(0)) device.removeEventListener(type, listener);
      tellLost({ reason: 'destroyed', message: 'Its user destroyed it.' } as GPUDeviceLostInfo);
    },
  });
}

/** The object with some members of its own in place of the object's; methods of native objects insist on their `this`. */
function withOwn<T extends object>(object: T, own: object): T {
  return new Proxy(object, {
    get(target, name) {
      if (name in own) return Reflect.get(own, name);
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
