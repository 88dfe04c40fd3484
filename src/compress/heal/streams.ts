/**
 * @file The two streams of blockwise healing, window by window in storage: the student's own, as its healed layers make it, and the
 * dense model's. Before a layer is trained, the dense layer's output is written as the student holds it.
 *
 * A sliced student holds its stream in another basis. Which one follows from the streams themselves: of all orthonormal frames P
 * the one in which the student's stream lies nearest to the dense model's (`orthogonal_frame.ts`), with every token counting alike.
 * With PCA bases and nothing lost it is the basis that slicing chose; behind `recover` and in other layers it is what this is now.
 */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel, Embedding } from '../../models/decoder_model.ts';
import { memoryScratch, type ScratchStore } from '../../models/scratch.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { blockTarget, distance, rowsTimes } from '../../runtime/backward/block.ts';
import { embedTokens } from '../../runtime/embed.ts';
import { runLayer } from '../../runtime/layer_parts.ts';
import { RotaryCache } from '../../runtime/model_pass.ts';
import { freeDeviceLayer, WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, batchIds, rowsPerBatch, type WindowBatch } from '../../runtime/windows.ts';
import type { PassContext } from '../method.ts';
import { orthogonalFrame } from '../solvers/orthogonal_frame.ts';
import { KeptStates, windowsOf } from '../train/kept_states.ts';

/** Streams nearer than this, as a share of the dense one's energy, are in the same basis: two unlike bases are 2 apart. */
const SAME_BASIS = 0.7;

/** Windows that tell a basis, at most. */
const FRAME_WINDOWS = 16;

type StreamContext = Pick<PassContext, 'backend' | 'calibration' | 'spill' | 'signal'>;

export class Streams {
  private constructor(
    private readonly context: StreamContext,
    private readonly dense: DecoderModel,
    /** Whether the student's stream has no mean along its rows, and the dense one has. */
    private readonly isCentred: boolean,
    private readonly teacher: KeptStates,
    private student: KeptStates,
  ) {}

  /** Before the first layer. @throws `cancelled`, `storage_full`, and what the backend throws. */
  static async of(context: StreamContext, dense: DecoderModel, model: DecoderModel): Promise<Streams> {
    const [teacher, student] = [await newStates(context), await newStates(context)];
    const isCentred = dense.norm.kind === 'layer_norm' && model.norm.kind !== 'layer_norm';
    const streams = new Streams(context, dense, isCentred, teacher, student);
    try {
      await streams.embed(dense.embed_tokens, teacher);
      await streams.embed(model.embed_tokens, student);
      return streams;
    } catch (error) {
      await streams.clear();
      throw error;
    }
  }

  /** What the student's next layer reads. */
  get inputs(): KeptStates {
    return this.student;
  }

  /** The dense stream goes through its layer. */
  async advanceTeacher(layer: number): Promise<void> {
    await this.through(this.dense.layers[layer], this.teacher, async (arena, y, batch) =>
      this.teacher.replace(arena, y, batch),
    );
  }

  /** The student's stream goes through a layer as it is now. */
  async advanceStudent(layer: DecoderLayer): Promise<void> {
    const next = await newStates(this.context);
    await this.through(layer, this.student, async (arena, y, { count }) => next.add(arena, y, count));
    await this.student.clear();
    this.student = next;
  }

  /** What `layer` should put out, to be cleared by the caller; the dense stream stands behind its layer. @param training Windows that the basis is told by. */
  async targets(layer: DecoderLayer, training: number): Promise<KeptStates> {
    return withArena(this.context.backend, async (own) => {
      const frame = await this.frame(own, layer, training);
      const targets = await newStates(this.context);
      for (const batch of this.batches(this.context.calibration.count)) {
        await withArena(this.context.backend, async (arena) => {
          const h = await this.teacher.tensor(arena, windowsOf(batch), 'dense_states');
          if (this.isCentred) arena.backend.center_rows({ hidden_states: h });
          let target = h;
          if (frame) {
            target = arena.empty([h.shape[0], frame.shape[1]], 'targets');
            arena.backend.matmul({ a: h, b: frame, output: target });
          }
          await targets.add(arena, target, batch.count);
        });
      }
      return targets;
    });
  }

  async clear(): Promise<void> {
    await Promise.all([this.teacher.clear(), this.student.clear()]);
  }

  /** (D, d), or undefined where both streams are in one basis. */
  private async frame(own: Arena, layer: DecoderLayer, training: number): Promise<Tensor | undefined> {
    const { backend } = own;
    let cross: Tensor | undefined;
    let apart = 0;
    const windows = Math.min(training, FRAME_WINDOWS);
    await this.through(
      layer,
      this.student,
      async (arena, z, batch) => {
        const values = await this.teacher.values(windowsOf(batch));
        const [rows, D] = [z.shape[0], this.teacher.width];
        const h = arena.own(arena.backend.fromArray(values, [rows, D], 'dense_states'));
        if (this.isCentred) arena.backend.center_rows({ hidden_states: h });
        const target = blockTarget(arena, await backend.read(h), D, rows);
        const weighted = arena.empty(h.shape, 'weighted');
        rowsTimes(arena, h, target.weights, weighted);
        cross ??= own.empty([D, z.shape[1]], 'cross');
        backend.matmul_at({ a: weighted, b: z, output: cross, accumulate: true });
        if (z.shape[1] === D) apart += (batch.count / windows) * (await distance(arena, z, target));
      },
      windows,
    );
    if (!cross) throw new RangeError('no window to tell a basis by');
    const [D, d] = cross.shape;
    if (D === d && apart < SAME_BASIS) return undefined;
    const M = Float64Array.from(await backend.read(cross));
    own.free(cross);
    const P = await orthogonalFrame(M, D, d, { signal: this.context.signal });
    return own.own(backend.fromArray(P, [D, d], 'frame'));
  }

  private batches(count: number): WindowBatch[] {
    const { backend, calibration } = this.context;
    return batchesOf(calibration, 0, count, rowsPerBatch(backend.info));
  }

  private async embed(embedding: Embedding, states: KeptStates): Promise<void> {
    const { backend, calibration } = this.context;
    for (const batch of this.batches(calibration.count)) {
      await withArena(backend, async (arena) =>
        embedTokens(
          arena,
          new WeightLoader(arena),
          embedding,
          [batchIds(calibration, batch)],
          calibration.seqlen,
          async (x) => {
            await states.add(arena, x, batch.count);
            arena.free(x);
          },
        ),
      );
    }
  }

  /** @param count So many windows from the first. */
  private async through(
    layer: DecoderLayer,
    states: KeptStates,
    onBatch: (arena: Arena, y: Tensor, batch: WindowBatch) => Promise<void>,
    count = this.context.calibration.count,
  ): Promise<void> {
    const { backend, calibration, signal } = this.context;
    const { seqlen } = calibration;
    await withArena(backend, async (held) => {
      const weights = await new WeightLoader(held, false, true).layer(layer);
      const { rotary } = layer.attention;
      const table = rotary && new RotaryCache(held, seqlen).get(rotary);
      for (const batch of this.batches(count)) {
        throwIfCancelled(signal);
        await withArena(backend, async (arena) => {
          const x = await states.tensor(arena, windowsOf(batch), 'hidden_states');
          await onBatch(arena, runLayer(arena, layer, weights, table, seqlen, x), batch);
        });
      }
      freeDeviceLayer(held, weights);
    });
  }
}

export async function newStates({ spill, calibration }: StreamContext): Promise<KeptStates> {
  const store: ScratchStore = spill ? await spill.createScratch() : memoryScratch();
  return new KeptStates(calibration.seqlen, store);
}
