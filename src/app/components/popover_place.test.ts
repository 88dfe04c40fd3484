import { describe, expect, it } from 'vitest';
import { placeUnder } from './PopoverButton.tsx';

const at = (left: number, top: number) => ({ left, top, right: left + 60, bottom: top + 26 });

describe('what opens under a button', () => {
  it('goes where there is more room, and stays in the window', () => {
    expect(placeUnder(at(300, 100), 390, 800)).toMatchObject({
      top: '130px',
      bottom: 'auto',
      right: '30px',
      left: 'auto',
    });
    expect(placeUnder(at(20, 700), 390, 800)).toMatchObject({
      top: 'auto',
      bottom: '104px',
      left: '20px',
      right: 'auto',
    });
    expect(placeUnder(at(300, 100), 390, 800)).toMatchObject({ maxHeight: '662px', maxWidth: '352px' });
  });

  it('counts in the pixels of a page that is enlarged', () => {
    const twice = { left: 40, top: 1400, right: 160, bottom: 1452 };
    expect(placeUnder(twice, 780, 1600, 2)).toEqual(placeUnder(at(20, 700), 390, 800));
    expect(placeUnder({ left: 600, top: 200, right: 720, bottom: 252 }, 780, 1600, 2)).toEqual(
      placeUnder(at(300, 100), 390, 800),
    );
  });
});
