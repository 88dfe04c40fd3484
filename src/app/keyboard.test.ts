import { describe, expect, it, vi } from 'vitest';
import { cancelJob } from './actions/job.ts';
import { openModel } from './actions/open_model.ts';
import { slice } from './actions/slice.ts';
import { actionOf } from './keyboard.ts';
import { studioWith, untilCancelled } from './testing.ts';

describe('single keys', () => {
  it('press the button of their action, in either case; other keys none', () => {
    const state = studioWith().studio.store.getState();
    expect(['o', 'T', 's', 'w', 'E'].map((key) => actionOf(key, state))).toEqual([
      'files',
      'demo',
      'slice',
      'sweep',
      'export',
    ]);
    expect(actionOf('x', state)).toBeNull();
  });

  it('replace no model whose runs would be lost', async () => {
    const { studio } = studioWith();
    await openModel(studio, { kind: 'demo' });
    expect(actionOf('t', studio.store.getState())).toBe('demo');
    await slice(studio);
    const state = studio.store.getState();
    expect(['o', 't', 's'].map((key) => actionOf(key, state))).toEqual([null, null, 'slice']);
  });

  it('replace no model while a job runs on it', async () => {
    const { studio, engine } = studioWith({ evaluate: (_, __, signal) => untilCancelled(signal) });
    const opening = openModel(studio, { kind: 'demo' });
    await vi.waitFor(() => expect(engine.kinds()).toContain('evaluate'));
    expect(actionOf('o', studio.store.getState())).toBeNull();
    cancelJob(studio);
    await opening;
    expect(actionOf('o', studio.store.getState())).toBe('files');
  });
});
