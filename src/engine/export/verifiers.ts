/** @file The builds of onnxruntime-web that one export is run in: when each is opened, and that all are closed. */
import type { EnginePlatform } from '../platform.ts';
import type { RuntimeBuild } from '../verify/builds.ts';
import type { Verifier } from '../verify/verifier.ts';

/**
 * Weights up to which every build is opened with the export. A build that waits holds about 0.1 GB, and a larger model's
 * verification needs all that a page may take; it also takes so long that loading is nothing beside it.
 */
export const MOST_BYTES_TOGETHER = 5e8;

export class OnnxVerifiers {
  private readonly opened = new Map<RuntimeBuild, Verifier>();

  /** Opens the first build, and the others where the model is small: they load while its files are written. */
  constructor(
    private readonly platform: Pick<EnginePlatform, 'openVerifier'>,
    readonly builds: readonly RuntimeBuild[],
    model_bytes: number,
  ) {
    for (const build of model_bytes <= MOST_BYTES_TOGETHER ? builds : builds.slice(0, 1)) this.of(build);
  }

  /** The one of a build, opened now if it is not. */
  of(build: RuntimeBuild): Verifier {
    const verifier = this.opened.get(build) ?? this.platform.openVerifier(build);
    this.opened.set(build, verifier);
    return verifier;
  }

  close(): void {
    for (const verifier of this.opened.values()) verifier.close();
  }
}
