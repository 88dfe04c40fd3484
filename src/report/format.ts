/** @file Numbers for people: fitting precision, a space, a unit. Missing or meaningless numbers read as a dash. */

const DASH = '–';
const MINUS = '−';

/** 3_660_000 → "3.66 M", 134_515_008 → "134.5 M", 262_656 → "263 k", 812 → "812". */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return DASH;
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : '';
  // The thresholds sit where rounding would otherwise print "1000 k".
  if (size >= 999_500_000) return `${sign}${decimals(size / 1e9)} G`;
  if (size >= 999_500) return `${sign}${decimals(size / 1e6)} M`;
  if (size >= 9_950) return `${sign}${(size / 1e3).toFixed(0)} k`;
  if (size >= 1_000) return `${sign}${(size / 1e3).toFixed(1)} k`;
  return `${sign}${Number.isInteger(size) ? size : size.toFixed(1)}`;
}

function decimals(size: number): string {
  return size.toFixed(size < 9.995 ? 2 : 1);
}

/** Decimal units, as download dialogs use them: 7_316_000 → "7.3 MB". */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return DASH;
  const size = Math.abs(bytes);
  const sign = bytes < 0 ? MINUS : '';
  if (size >= 999.5e6) return `${sign}${(size / 1e9).toFixed(2)} GB`;
  if (size >= 99.95e6) return `${sign}${(size / 1e6).toFixed(0)} MB`;
  if (size >= 999.5e3) return `${sign}${(size / 1e6).toFixed(1)} MB`;
  if (size >= 1e3) return `${sign}${(size / 1e3).toFixed(0)} kB`;
  return `${sign}${size} B`;
}

/** 79.83 → "79.8", 8.412 → "8.41", 15_321.7 → "15,322"; beyond a million in powers of ten. */
export function formatPerplexity(value: number): string {
  if (Number.isNaN(value)) return DASH;
  if (!Number.isFinite(value)) return '∞';
  if (value >= 1e6) return value.toExponential(1).replace('e+', 'e');
  if (value >= 999.95) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value < 9.995 ? 2 : 1);
}

/** A share as a percentage: 0.25 → "25 %", 0.0123 → "1.2 %", 0.00004 → "<0.01 %". */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return DASH;
  const percent = Math.abs(share) * 100;
  const sign = share < 0 ? MINUS : '';
  if (percent === 0) return '0 %';
  if (percent < 0.005) return '<0.01 %';
  // Ticks of an axis at 0.1 and 0.15 % must not read the same.
  if (percent < 0.995) return `${sign}${percent.toFixed(2).replace(/0$/, '')} %`;
  if (percent >= 99.95) return `${sign}${percent.toFixed(0)} %`;
  return `${sign}${percent.toFixed(1).replace(/\.0$/, '')} %`;
}

/** Letters of each part: disks take names of 255 bytes, and format, precision and ending come behind. */
const LONGEST_PART = 60;

/** Parts of a file's name: "My model", "25 %" → "My-model-25". */
export function fileStem(...parts: string[]): string {
  const plain = parts.map((part) => part.replace(/[^\p{L}\p{N}._]+/gu, '-').replace(/^[-.]+/, ''));
  const words = plain.map((part) =>
    [...part]
      .slice(0, LONGEST_PART)
      .join('')
      .replace(/[-.]+$/, ''),
  );
  return words.filter(Boolean).join('-') || 'model';
}

/** With a sign, for differences: 0.052 → "+5.2 %", −0.086 → "−8.6 %". */
export function formatChange(share: number): string {
  const text = formatPercent(share);
  return share > 0 && text !== DASH && !text.startsWith('<') ? `+${text}` : text;
}

/** Signed count of elements: "+288 k", "−0.75 M" reads as "−750 k". */
export function formatCountChange(value: number): string {
  return value > 0 ? `+${formatCount(value)}` : formatCount(value);
}

/** 1_900 → "1.9 k": where the unit stands beside. */
export function formatTokens(perSecond: number | undefined): string {
  if (perSecond === undefined || !Number.isFinite(perSecond)) return DASH;
  return formatCount(perSecond < 100 ? round(perSecond, 1) : Math.round(perSecond));
}

/** 1_900 → "1.9 k tokens/s". */
export function formatRate(tokensPerSecond: number | undefined): string {
  const figure = formatTokens(tokensPerSecond);
  return figure === DASH ? DASH : `${figure} tokens/s`;
}

/** Seconds as mm:ss, or h:mm:ss from an hour on. */
export function formatClock(seconds: number): string {
  if (!Number.isFinite(seconds)) return DASH;
  const whole = Math.max(0, Math.round(seconds));
  const pad = (part: number) => String(part).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${pad(minutes)}:${pad(whole % 60)}`;
}

/** How long something will take, no more exact than is known: "5 s", "40 s", "3 min", "1.5 h". */
export function formatSpan(seconds: number): string {
  if (!Number.isFinite(seconds)) return DASH;
  if (seconds < 9.5) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 95) return `${Math.round(seconds / 10) * 10} s`;
  if (seconds < 5700) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** Small residuals: 0.0000031 → "3.1e-6". */
export function formatScientific(value: number): string {
  if (!Number.isFinite(value)) return DASH;
  return value === 0 ? '0' : value.toExponential(1);
}

/** Errors in units of rounding: 0.31 → "0.31 n·ulp". */
export function formatUlp(ratio: number, unit = ' n·ulp'): string {
  if (!Number.isFinite(ratio)) return DASH;
  return `${ratio < 0.01 ? '<0.01' : ratio.toPrecision(2)}${unit}`;
}

/** Whole numbers with thousands separators: 42760 → "42,760". */
export function formatInteger(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : DASH;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
