/** @file The size that is aimed at: its default, its text, and how long the search for it will take. */
import { storedBits } from '../../engine/plan.ts';
import type { ModelSummary, PerplexityReport } from '../../engine/protocol.ts';
import { formatBytes } from '../format.ts';

/** Where the solver's models are nearly as good as the original, on most. */
const BITS = 5.2;

/** What was chosen, else a size that suits: about 5 bits a weight, or a fifth less than a file that is smaller already. */
export function targetOf(model: ModelSummary, chosen: number | null): number {
  if (chosen !== null) return chosen;
  const suits = storedBits(model) > BITS * 1.3 ? (model.parameters * BITS) / 8 : model.bytes * 0.8;
  return roundBytes(suits);
}

/** To two digits, so that it can be said. */
export function roundBytes(bytes: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, bytes))) - 1);
  return Math.round(bytes / unit) * unit;
}

/** "2.8 MB" without a unit's thousands: what the text field shows, and {@link readBytes} reads. */
export function writeBytes(bytes: number): string {
  return formatBytes(bytes);
}

const UNITS: Readonly<Record<string, number>> = { '': 1e6, b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };

/** Powers of ten; a bare number is megabytes, "35 %" a share of the original. Null for anything else. */
export function readBytes(text: string, original: number): number | null {
  const found = /^\s*(\d+(?:[.,]\d+)?)\s*([kmg]?b?|%)\s*$/i.exec(text);
  if (!found) return null;
  const value = Number(found[1].replace(',', '.'));
  const suffix = found[2].toLowerCase();
  if (suffix === '%') return value > 0 ? Math.round((value / 100) * original) : null;
  const unit = UNITS[suffix.length === 1 && suffix !== 'b' ? `${suffix}b` : suffix];
  const bytes = Math.round(value * unit);
  return bytes > 0 ? bytes : null;
}

/** The search measures matrices for at most so long, then goes by their errors. */
const PATIENCE_S = 300;
/** Passes through one window that a search takes for each matrix's alternatives, and for making candidates whole. */
const PASSES_A_LINEAR = 1.4;
const PASSES_A_CANDIDATE = 60;
const HELD = 4;

/** Seconds, guessed from how fast the dense model was; null while nothing is known of this device. */
export function solveSeconds(model: ModelSummary, dense: PerplexityReport | null, samples: number): number | null {
  if (!dense || dense.tokens_per_second <= 0) return null;
  const { num_hidden_layers, gated } = model.shape;
  const linears = num_hidden_layers * (gated ? 7 : 6);
  const window_s = dense.protocol.seqlen / dense.tokens_per_second;
  const measuring = Math.min(PATIENCE_S, linears * Math.min(HELD, samples) * PASSES_A_LINEAR * window_s);
  return measuring + (PASSES_A_CANDIDATE * window_s * samples) / 16;
}
