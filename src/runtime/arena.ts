/**
 * @file Ownership of device tensors. Whatever a job allocates belongs to an arena; disposing the arena frees it, also
 * when the job failed or was cancelled.
 */
import type { Backend, Tensor } from '../backend/backend.ts';
import type { Shape } from '../tensor/shape.ts';
import { sameShape } from '../tensor/shape.ts';

export class Arena {
  private readonly owned = new Set<Tensor>();
  private readonly named = new Map<string, Tensor>();
  private disposed = false;

  constructor(readonly backend: Backend) {}

  /** Takes ownership of a tensor made elsewhere. What arrives after the arena was disposed (a prefetch) is freed at once. */
  own<T extends Tensor>(tensor: T): T {
    if (this.disposed) tensor.dispose();
    else this.owned.add(tensor);
    return tensor;
  }

  empty(shape: Shape, label: string): Tensor {
    return this.own(this.backend.empty(shape, label));
  }

  /** A tensor that is reused whenever the same name is asked for in the same shape; its content is undefined. */
  workspace(name: string, shape: Shape): Tensor {
    const existing = this.named.get(name);
    if (existing && sameShape(existing.shape, shape)) return existing;
    if (existing) this.free(existing);
    const tensor = this.empty(shape, name);
    this.named.set(name, tensor);
    return tensor;
  }

  /** Workspace tensors that are kept: whoever asks for their names gets others, and they are freed like any tensor. */
  keep(...tensors: Tensor[]): void {
    for (const [name, tensor] of this.named) if (tensors.includes(tensor)) this.named.delete(name);
  }

  /** Frees all workspace tensors: before a step that needs much memory and none of them. */
  freeWorkspace(): void {
    this.free(...this.named.values());
    this.named.clear();
  }

  /** Frees one tensor now. */
  free(...tensors: (Tensor | undefined)[]): void {
    for (const tensor of tensors) {
      if (tensor && this.owned.delete(tensor)) tensor.dispose();
    }
  }

  /** Gives up ownership: the tensor outlives the arena. */
  release<T extends Tensor>(tensor: T): T {
    this.owned.delete(tensor);
    return tensor;
  }

  dispose(): void {
    this.disposed = true;
    for (const tensor of this.owned) tensor.dispose();
    this.owned.clear();
    this.named.clear();
  }
}

/** Runs `job` with an arena that is disposed in every case. */
export async function withArena<T>(backend: Backend, job: (arena: Arena) => Promise<T>): Promise<T> {
  const arena = new Arena(backend);
  try {
    return await job(arena);
  } finally {
    arena.dispose();
  }
}
