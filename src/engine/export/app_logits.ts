/**
 * @file What the app gives for the first window, which a file's logits are compared with. It computes while the file is written and the
 * runtime opens it: both wait for the disk more than for a processor.
 */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { firstWindowLogits, logitsOfInput } from '../../runtime/perplexity.ts';
import type { EngineState } from '../state.ts';

export class AppLogits {
  private readonly ended = new AbortController();
  private readonly computed: Promise<Float32Array>;
  private readonly abort = () => this.ended.abort();

  /**
   * Begins.
   * @param model Whose numbers the file will hold.
   * @param head_input What its head read of the window when it was measured, where that is known and was not rounded: (seqlen, d).
   */
  constructor(
    state: EngineState,
    model: DecoderModel,
    private readonly signal: AbortSignal,
    head_input?: Float32Array,
  ) {
    signal.addEventListener('abort', this.abort, { once: true });
    if (signal.aborted) this.abort();
    const { evaluation: windows } = state.requireTexts();
    const { signal: ended } = this.ended;
    const backend = state.requireBackend();
    this.computed = head_input
      ? logitsOfInput(backend, model, head_input, ended)
      : firstWindowLogits(backend, model, windows, ended);
    // It may fail before anybody waits for it.
    this.computed.catch(() => undefined);
  }

  /** (seqlen, vocab_size), row-major. Throws `cancelled`, and what the backend throws. */
  get(): Promise<Float32Array> {
    return this.computed;
  }

  /** Whatever came of the file: settles when its tensors are let go, so that the next command can begin. Never throws. */
  async end(): Promise<void> {
    this.abort();
    this.signal.removeEventListener('abort', this.abort);
    await this.computed.catch(() => undefined);
  }
}
