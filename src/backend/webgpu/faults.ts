/**
 * @file What went wrong on the device. WebGPU reports faults later than the call that caused them, and after a lost
 * device most promises look successful; so faults are collected here and thrown at the next `read` or `sync`.
 */
import { type ErrorData, WhittleError } from '../../errors/errors.ts';

/** The first of these that is present is the cause; the others are mostly its consequences. */
const PRECEDENCE = ['device_lost', 'limit_exceeded', 'out_of_memory', 'shader_error', 'internal'] as const;
type FaultCode = (typeof PRECEDENCE)[number];

/** How long a failed mapping waits for the browser to say why the device was lost. */
const LOSS_REPORT_MS = 1000;

export class DeviceFaults {
  private readonly found: WhittleError[] = [];
  private readonly pending = new Set<Promise<void>>();
  private lostError?: WhittleError;
  private readonly lost: Promise<WhittleError>;

  constructor(private readonly device: GPUDevice) {
    this.lost = device.lost.then((info) => {
      this.lostError = deviceLost(info.reason, info.message);
      return this.lostError;
    });
    // What no scope was open for, such as a write past the end of a buffer.
    device.addEventListener('uncapturederror', ({ error }) => this.found.push(new WhittleError(uncaptured(error))));
  }

  get isLost(): boolean {
    return this.lostError !== undefined;
  }

  /**
   * Runs `create` inside an error scope; an error of that kind becomes a fault with the code that `toFault` gives.
   * Scopes nest, so `create` must be synchronous.
   */
  scope<T>(filter: GPUErrorFilter, create: () => T, toFault: (error: GPUError) => Promise<FaultData> | FaultData): T {
    this.device.pushErrorScope(filter);
    try {
      return create();
    } finally {
      this.popScope(toFault);
    }
  }

  pushScope(filter: GPUErrorFilter): void {
    this.device.pushErrorScope(filter);
  }

  popScope(toFault: (error: GPUError) => Promise<FaultData> | FaultData): void {
    this.track(
      this.device.popErrorScope().then(async (error) => {
        if (error) this.found.push(new WhittleError(await toFault(error)));
      }),
    );
  }

  /** Throws what is already known, without waiting: for calls that would only add consequences. */
  throwIfLost(): void {
    if (this.lostError) throw this.lostError;
  }

  /** Waits for all reports of the work so far, then throws the first cause. A lost device stays lost. */
  async settle(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
    this.throwIfLost();
    const faults = this.found.splice(0);
    for (const code of PRECEDENCE) {
      const fault = faults.find((error) => error.code === code);
      if (fault) throw fault;
    }
  }

  /** The error to throw when a mapping failed: the device's loss if there was one. */
  async afterFailedMapping(cause: unknown): Promise<never> {
    const timeout = new Promise<undefined>((resolve) => setTimeout(resolve, LOSS_REPORT_MS, undefined));
    const lost = await Promise.race([this.lost, timeout]);
    if (lost) throw lost;
    await this.settle();
    throw new WhittleError(
      { code: 'internal', message: `The GPU did not hand back its results: ${messageOf(cause)}.` },
      { cause },
    );
  }

  private track(report: Promise<void>): void {
    // A scope that cannot be popped means that the device is gone, which `lost` reports.
    const settled = report.catch(() => {}).finally(() => this.pending.delete(settled));
    this.pending.add(settled);
  }
}

export type FaultData = Omit<ErrorData, 'place' | 'code'> & { place?: ErrorData['place']; code: FaultCode };

function deviceLost(reason: string, message: string): WhittleError {
  const why = message ? `${reason}: ${message}` : reason;
  return new WhittleError({
    code: 'device_lost',
    message: `The GPU device was lost (${why}).`,
    action:
      'Other programs or a driver reset can cause this. Close other GPU-heavy tabs, reload the page and run again; with fewer samples or a shorter window the job needs less of the GPU.',
  });
}

/** The classes of errors are no globals in Node, so they are told by their names. */
function uncaptured(error: GPUError): FaultData {
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    return {
      code: 'out_of_memory',
      message: `The GPU ran out of memory: ${error.message}`,
      action: 'Use fewer samples or shorter windows, or close other tabs that use the GPU.',
    };
  }
  return rejected(error);
}

/** A command that is not valid, or that the driver did not carry out. */
export function rejected(error: GPUError): FaultData {
  return {
    code: 'internal',
    message: `The GPU rejected a command: ${error.message}`,
    action: 'This is a fault in Whittle. Please report it with the steps that led here.',
  };
}

export function outOfMemory(label: string, bytes: number, currentBytes: number): FaultData {
  return {
    code: 'out_of_memory',
    message: `The GPU has no room for ${formatBytes(bytes)} more; ${formatBytes(currentBytes)} are in use.`,
    place: { tensor: label },
    action: 'Use fewer samples or shorter windows, or close other tabs that use the GPU.',
  };
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const units = ['KiB', 'MiB', 'GiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
