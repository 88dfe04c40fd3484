/**
 * @file What tensors held at some moment, put down in a scratch store: the best of a training and its beginning need not lie on the
 * host while it goes on. One table is there at a time.
 */
import type { ScratchSlot, ScratchStore } from '../../models/scratch.ts';
import { bytesOf, type StoredTables, type Table, type Tables, tableOf } from './checkpoint.ts';

export class KeptTables implements StoredTables {
  private readonly held: { slot: ScratchSlot; isDouble: boolean }[] = [];

  constructor(private readonly scratch: ScratchStore) {}

  get count(): number {
    return this.held.length;
  }

  /** In the place of what was kept before, which was as many and as long. @throws `storage_full` */
  async put(tables: Tables): Promise<void> {
    let index = 0;
    for await (const table of tables) {
      const known = this.held[index]?.slot;
      if (known) await known.write(bytesOf(table));
      const slot = known ?? (await this.scratch.append(bytesOf(table)));
      this.held[index++] = { slot, isDouble: table instanceof Float64Array };
    }
  }

  readonly table = async (index: number): Promise<Table> => {
    const { slot, isDouble } = this.held[index];
    return tableOf(await slot.read(0, slot.bytes), isDouble);
  };
}
