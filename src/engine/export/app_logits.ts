/**
 * @file What the app gives for the windows that a file's logits are compared with. The first is computed while the file is written and
 * the runtime opens it: both wait for the disk more than for a processor. Of any other it is computed when it is asked for, because
 * those of one window of a large vocabulary take hundreds of megabytes.
 */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { logitsOfInput, windowLogits } from '../../runtime/perplexity.ts';
import type { EngineState } from '../state.ts';

export class AppLogits {
  private readonly ended = new AbortController();
  private begun: { window: number; logits: Promise<Float32Array> };
  private readonly abort = () => this.ended.abort();

  /**
   * Begins with the first window.
   * @param model Whose numbers the file will hold.
   * @param head_inputs What its head read of the first windows when it was measured, each (seqlen, d), where that is known and was not
   * rounded.
   */
  constructor(
    private readonly state: EngineState,
    private readonly model: DecoderModel,
    private readonly signal: AbortSignal,
    private readonly head_inputs: readonly Float32Array[] = [],
  ) {
    signal.addEventListener('abort', this.abort, { once: true });
    if (signal.aborted) this.abort();
    this.begun = this.begin(0);
  }

  /** (seqlen, vocab_size), row-major. One window at a time. Throws `cancelled`, and what the backend throws. */
  get(window: number): Promise<Float32Array> {
    if (this.begun.window !== window) this.begun = this.begin(window);
    return this.begun.logits;
  }

  /** Whatever came of the file: settles when its tensors are let go, so that the next command can begin. Never throws. */
  async end(): Promise<void> {
    this.abort();
    this.signal.removeEventListener('abort', this.abort);
    await this.begun.logits.catch(() => undefined);
  }

  private begin(window: number) {
    const logits = this.compute(window);
    // It may fail before anybody waits for it.
    logits.catch(() => undefined);
    return { window, logits };
  }

  private compute(window: number): Promise<Float32Array> {
    const { evaluation: windows } = this.state.requireTexts();
    const { signal } = this.ended;
    const backend = this.state.requireBackend();
    const known = this.head_inputs[window];
    return known
      ? logitsOfInput(backend, this.model, known, signal)
      : windowLogits(backend, this.model, windows, window, signal);
  }
}
