/** @file The last spans of one lane, in columns: a job has millions of kernels, and memory is bounded. */

/** `stage`: a command or a part of one; `step`: what progress called the work; `kernel`: a task of a thread; `gpu`: of the device. */
export type LaneKind = 'stage' | 'step' | 'kernel' | 'gpu';

/** Spans of one thread and kind, in the order in which they ended. */
export interface Lane {
  kind: LaneKind;
  thread: number;
  names: readonly string[];
  /** Of each span its place in `names`. */
  name: Uint16Array;
  /** Milliseconds since 1970. */
  start: Float64Array;
  end: Float64Array;
  /** Older spans that made room. */
  dropped: number;
  /** How its times were found, where that is worth knowing. */
  source?: 'timestamps' | 'submits';
}

const FIRST = 1024;
/** Texts that are all different are told as one from here on. */
const MOST_NAMES = 4096;
const OTHERS = 'others';

export class SpanRing {
  private readonly places = new Map<string, number>();
  private name: Uint16Array;
  private start: Float64Array;
  private end: Float64Array;
  private count = 0;

  constructor(private readonly most: number) {
    const size = Math.min(FIRST, most);
    this.name = new Uint16Array(size);
    this.start = new Float64Array(size);
    this.end = new Float64Array(size);
  }

  add(name: string, start: number, end: number): void {
    if (this.count === this.name.length && this.count < this.most) this.grow();
    const at = this.count % this.most;
    this.name[at] = this.placeOf(name);
    this.start[at] = start;
    this.end[at] = end;
    this.count += 1;
  }

  /** Copies, which may be sent away. */
  lane(kind: LaneKind, thread: number): Lane {
    const kept = Math.min(this.count, this.most);
    const first = this.count - kept;
    const { name, start, end } = this;
    return {
      ...{ kind, thread, names: [...this.places.keys()] },
      name: turned(new Uint16Array(kept), name, first),
      start: turned(new Float64Array(kept), start, first),
      end: turned(new Float64Array(kept), end, first),
      dropped: first,
    };
  }

  private placeOf(name: string): number {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    if (this.places.size >= MOST_NAMES && name !== OTHERS) return this.placeOf(OTHERS);
    const place = this.places.size;
    this.places.set(name, place);
    return place;
  }

  private grow(): void {
    const size = Math.min(2 * this.name.length, this.most);
    this.name = larger(new Uint16Array(size), this.name);
    this.start = larger(new Float64Array(size), this.start);
    this.end = larger(new Float64Array(size), this.end);
  }
}

function larger<T extends Uint16Array | Float64Array>(target: T, source: T): T {
  target.set(source);
  return target;
}

/** The oldest first. @param first How many were added before the oldest that is left. */
function turned<T extends Uint16Array | Float64Array>(target: T, ring: T, first: number): T {
  const at = first % ring.length;
  const kept = target.length;
  target.set(ring.subarray(at, Math.min(at + kept, ring.length)));
  if (at > 0) target.set(ring.subarray(0, at), ring.length - at);
  return target;
}
