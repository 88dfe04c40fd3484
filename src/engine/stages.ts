/**
 * @file Models between the passes of a recipe, so that a recipe whose first steps equal an earlier one's starts from there. A
 * stage lives as long as a run stands on it, and the last few beyond that.
 */
import type { TrainedAdapter } from '../compress/train/trained_adapter.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import type { ScratchStore } from '../models/scratch.ts';
import type { SiteReport, StepReport } from './protocol.ts';

export interface Stage {
  /** Of the stage before, and of this pass with its options. */
  readonly key: string;
  /** What it was calibrated with, by identity. */
  readonly calibration: unknown;
  readonly model: DecoderModel;
  readonly scratch: ScratchStore;
  /** Of its own pass. */
  readonly steps: readonly StepReport[];
  /** Of its bases; none where its method has none. */
  readonly sites: readonly SiteReport[];
  /** That its model is another one with. */
  readonly adapter?: TrainedAdapter | undefined;
}

/** Stages that no run stands on any more and that are kept all the same: they take room in the browser's storage. */
const MOST_IDLE = 4;

export class Stages {
  private readonly users = new Map<Stage, number>();

  find(key: string, calibration: unknown): Stage | undefined {
    return [...this.users.keys()].find((stage) => stage.key === key && stage.calibration === calibration);
  }

  /** A run stands on these from now on. */
  async hold(stages: readonly Stage[]): Promise<void> {
    for (const stage of stages) {
      const users = this.users.get(stage) ?? 0;
      // Set anew, so that the oldest stand first.
      this.users.delete(stage);
      this.users.set(stage, users + 1);
    }
    await this.trim(MOST_IDLE);
  }

  async release(stages: readonly Stage[]): Promise<void> {
    for (const stage of stages) {
      const users = this.users.get(stage);
      if (users !== undefined) this.users.set(stage, users - 1);
    }
    await this.trim(MOST_IDLE);
  }

  /** Frees stages that no run stands on. */
  async dropIdle(): Promise<void> {
    await this.trim(0);
  }

  /** Leaves all of them where they are stored. */
  forget(): void {
    this.users.clear();
  }

  private async trim(most: number): Promise<void> {
    const idle = [...this.users].filter(([, users]) => users <= 0).map(([stage]) => stage);
    for (const stage of idle.slice(0, Math.max(0, idle.length - most))) {
      this.users.delete(stage);
      await stage.scratch.clear();
    }
  }
}
