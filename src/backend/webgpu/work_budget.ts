/**
 * @file How much work goes into one dispatch and one submit. A display driver takes the device away after about 2 s
 * (Windows), some browsers earlier, and a cancelled job ends only with its submit: so a dispatch is to last about 50 ms and
 * a submit 200 ms on a device of the given rate.
 */
const DISPATCH_SECONDS = 0.05;
/** A software adapter has no watchdog, and pays for every dispatch more. */
const SOFTWARE_DISPATCH_SECONDS = 1;
const SUBMIT_SECONDS = 0.2;

/** Multiply-adds a second that are assumed until a rate is measured: a software adapter; a slow integrated GPU. */
const SOFTWARE_RATE = 2e9;
const HARDWARE_RATE = 1e11;

export class WorkBudget {
  private rate: number;

  /** @param rate Multiply-adds a second, if known. */
  constructor(
    private readonly isFallbackAdapter: boolean,
    rate?: number,
  ) {
    this.rate = rate ?? this.assumed;
  }

  /** A measured rate of large products. It only ever lengthens dispatches on hardware: other kernels are slower. */
  measured(rate: number): void {
    if (Number.isFinite(rate)) this.rate = Math.max(this.assumed, rate / 2);
  }

  /** Multiply-adds of one dispatch. */
  get perDispatch(): number {
    return (this.isFallbackAdapter ? SOFTWARE_DISPATCH_SECONDS : DISPATCH_SECONDS) * this.rate;
  }

  get perSubmit(): number {
    return SUBMIT_SECONDS * this.rate;
  }

  private get assumed(): number {
    return this.isFallbackAdapter ? SOFTWARE_RATE : HARDWARE_RATE;
  }
}
