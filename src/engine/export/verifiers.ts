/** @file The builds of onnxruntime-web that one export is run in: when each is opened, and that all are closed. */
import type { EnginePlatform } from '../platform.ts';
import type { RuntimeBuild } from '../verify/builds.ts';
import type { Verifier } from '../verify/verifier.ts';

/**
 * Weights up to which all builds are open at once. Each holds a part of the model beside 0.1 GB of its own, and a larger model's
 * verification needs all that a page may take; it also takes so long that another's loading is nothing beside it.
 */
export const MOST_BYTES_TOGETHER = 5e8;
/** Logits of a window up to which they are: each build's are held until they were compared. */
export const MOST_LOGITS_TOGETHER = 2e8;

export class OnnxVerifiers {
  private readonly opened = new Map<RuntimeBuild, Verifier>();

  /** Whether the builds run side by side, with the cores shared out among them. */
  readonly areTogether: boolean;

  /** Opens the first build, and the others where the model is small: they load while its files are written. */
  constructor(
    private readonly platform: Pick<EnginePlatform, 'openVerifier'>,
    readonly builds: readonly RuntimeBuild[],
    { model_bytes, logits_bytes }: { model_bytes: number; logits_bytes: number },
  ) {
    this.areTogether = model_bytes <= MOST_BYTES_TOGETHER && logits_bytes <= MOST_LOGITS_TOGETHER;
    for (const build of this.areTogether ? builds : builds.slice(0, 1)) this.of(build);
  }

  /** The one of a build, opened now if it is not. */
  of(build: RuntimeBuild): Verifier {
    const runtimes = this.areTogether ? this.builds.length : 1;
    const verifier = this.opened.get(build) ?? this.platform.openVerifier(build, runtimes);
    this.opened.set(build, verifier);
    return verifier;
  }

  close(): void {
    for (const verifier of this.opened.values()) verifier.close();
  }
}
