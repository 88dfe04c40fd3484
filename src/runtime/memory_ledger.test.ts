import { expect, it } from 'vitest';
import { memoryCosts } from '../backend/memory_costs.ts';
import { MemoryLedger } from './memory_ledger.ts';

it('has the buffer of a read-back there beside stored bytes that wait for the submit which it makes', () => {
  const ledger = new MemoryLedger(memoryCosts({ kind: 'webgpu', architecture: '' }), 2);
  const before = ledger.peakBytes;
  ledger.load('head', 1024);
  ledger.read(256);
  expect(ledger.peakBytes - before).toBe(4 * 1024 + 2 * 1024 + 4 * 256);
  // The stored bytes went with the submit.
  ledger.read(512);
  expect(ledger.peakBytes - before).toBe(4 * 1024 + 2 * 1024 + 4 * 256);
});
