import { expect, it } from 'vitest';
import { memoryCheckpoint } from '../../../test/support/memory_checkpoint.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { checkpointParts, openCheckpoint, type Table, type Tables, tablesOf } from './checkpoint.ts';
import { KeptTables } from './kept_tables.ts';

const BEST = [new Float32Array([1, -2, 3]), new Float64Array([0.1])];
const TABLES = [new Float64Array([1 / 3, 2 / 3]), new Float32Array([4]), new Float32Array(0), new Float32Array([5, 6])];
const STATE = { step: 7, curve: [{ step: 0, held_out_loss: 2, held_out_perplexity: Math.exp(2) }] };

async function all(tables: Tables): Promise<Table[]> {
  const found: Table[] = [];
  for await (const table of tables) found.push(table);
  return found;
}

it('gives tables back as they were, single and double, in any order', async () => {
  const store = memoryCheckpoint();
  await store.write(checkpointParts({ ...STATE, best: { step: 4, loss: 1.5, values: BEST }, tables: TABLES }));
  const stored = await store.read();
  if (!stored) throw new Error('nothing is stored');
  const { step, curve, best, tables } = await openCheckpoint(stored);
  expect({ step, curve }).toEqual(STATE);
  expect(best).toMatchObject({ step: 4, loss: 1.5 });
  expect(await all(tablesOf(best.values))).toEqual(BEST);
  expect(await all(tablesOf(tables))).toEqual(TABLES);
  expect(await all(tablesOf(tables, 1, 3))).toEqual(TABLES.slice(1, 3));
  expect(await tables.table(3)).toEqual(TABLES[3]);
});

it('asks for a table only when all before it were taken', async () => {
  let made = 0;
  async function* lazy(): AsyncGenerator<Table> {
    for (; made < 5; ) yield new Float32Array(2).fill(++made);
  }
  let seen = 0;
  for await (const { byteLength } of checkpointParts({
    ...STATE,
    best: { step: 4, loss: 1.5, values: [] },
    tables: lazy(),
  })) {
    if (byteLength === 8) expect(made).toBe(++seen);
  }
  expect(seen).toBe(5);
});

it('keeps what tensors held, and then what they hold later', async () => {
  const kept = new KeptTables(memoryScratch());
  await kept.put(BEST);
  expect(await all(tablesOf(kept))).toEqual(BEST);
  const later = [new Float32Array([7, 8, 9]), new Float64Array([-1])];
  await kept.put(later);
  expect(await all(tablesOf(kept))).toEqual(later);
  expect(kept.count).toBe(2);
});
