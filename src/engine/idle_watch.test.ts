import { expect, it } from 'vitest';
import type { ErrorData } from '../errors/errors.ts';
import { pulse } from '../pulse/pulse.ts';
import { waitingFor } from '../pulse/waits.ts';
import { IDLE_S, IdleWatch } from './idle_watch.ts';

function watched() {
  const told: ErrorData[] = [];
  const watch = new IdleWatch((error) => told.push(error));
  const seconds = (count: number, each = () => {}) => {
    for (let i = 0; i < count; i++) {
      each();
      watch.tick();
    }
  };
  return { watch, told, seconds };
}

it('tells a job that waits for ever, with what it waits for', async () => {
  const { watch, told, seconds } = watched();
  const end = watch.begin('compress', true);
  let answer = () => {};
  const wait = waitingFor('a part of model.safetensors', new Promise<void>((resolve) => (answer = resolve)));
  seconds(IDLE_S - 1);
  expect(told).toEqual([]);
  seconds(1);
  expect(told).toMatchObject([
    { code: 'engine_stalled', message: expect.stringMatching(/a part of model.safetensors/) },
  ]);
  answer();
  await wait;
  end();
  seconds(2 * IDLE_S);
  expect(told).toHaveLength(1);
});

it('takes neither work nor words for standing still, nor a GPU’s work, nor what has no computing to do', () => {
  const { watch, told, seconds } = watched();
  const end = watch.begin('compress', true);
  for (let i = 0; i < 4; i++) {
    seconds(IDLE_S - 10);
    pulse();
  }
  for (let i = 0; i < 4; i++) {
    seconds(IDLE_S - 10);
    watch.moved();
  }
  end();
  seconds(2 * IDLE_S);
  watch.begin('compress', false);
  watch.begin('open', true);
  seconds(2 * IDLE_S);
  expect(told).toEqual([]);
});
