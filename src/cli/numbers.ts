/** @file Numbers of the headless command, for people. */

const SI = ['', ' k', ' M', ' G'];

/** Three significant digits with a unit step of 1000: "3.66 M". */
export function compact(value: number): string {
  if (value === 0) return '0';
  let step = 0;
  let scaled = value;
  while (scaled >= 999.5 && step < SI.length - 1) {
    scaled /= 1000;
    step++;
  }
  return `${step === 0 && Number.isInteger(value) ? value : scaled.toPrecision(3)}${SI[step]}`;
}

export function bytes(value: number): string {
  return value < 1000 ? `${value} B` : `${compact(value)}B`;
}

/** "1:05", "2:03:00". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = String(whole % 60).padStart(2, '0');
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}
