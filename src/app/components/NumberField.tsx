import { useId, useState } from 'react';
import { clampNumber } from '../store/settings.ts';

interface Props {
  label: string;
  /** Stands under the label, and belongs to its accessible name. */
  hint?: string;
  value: number;
  least: number;
  most: number;
  /** Between values; 1: whole numbers. */
  step?: number;
  onChange: (value: number) => void;
}

/** A number, whole unless `step` says otherwise, that takes effect when the person leaves the box or presses Enter, not at every key. */
export function NumberField({ label, hint, value, least, most, step = 1, onChange }: Props) {
  const id = useId();
  // While it is typed; else the value.
  const [draft, setDraft] = useState<string | null>(null);
  function commit() {
    if (draft === null) return;
    const typed = clampNumber(Number.parseFloat(draft), least, most, value);
    // In steps, without the dust of a division.
    const next = Number((Math.round(typed / step) * step).toFixed(6));
    setDraft(null);
    if (next !== value) onChange(next);
  }
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {hint && <span className="field-hint"> {hint}</span>}
      </label>
      <input
        id={id}
        type="number"
        inputMode={step < 1 ? 'decimal' : 'numeric'}
        min={least}
        max={most}
        step={step}
        value={draft ?? value}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
    </div>
  );
}
