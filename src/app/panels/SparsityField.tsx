import { useId, useState } from 'react';
import { clampNumber } from '../store/settings.ts';

interface Props {
  percent: number;
  most: number;
  /** Absent while no model is open. */
  dimension?: number;
  hiddenSize?: number;
  /** At every move: nothing may be computed here that takes longer than a frame. */
  onMove: (percent: number) => void;
  /** When the person lets go. */
  onRelease: () => void;
}

const RELEASE_KEYS = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End']);

export function SparsityField({ percent, most, dimension, hiddenSize, onMove, onRelease }: Props) {
  const id = useId();
  // While it is typed; else the slider's.
  const [draft, setDraft] = useState<string | null>(null);
  const spoken =
    dimension === undefined ? `${percent} % removed` : `${dimension} of ${hiddenSize} dimensions, ${percent} % removed`;
  function commit() {
    if (draft === null) return;
    const next = Math.round(clampNumber(Number.parseFloat(draft), 0, most, percent) * 10) / 10;
    setDraft(null);
    if (next === percent) return;
    onMove(next);
    onRelease();
  }
  return (
    <div className="sparsity">
      <label htmlFor={id}>Sparsity</label>
      <span className="sparsity-box">
        <input
          type="number"
          aria-label="Sparsity in percent"
          min={0}
          max={most}
          step={0.1}
          value={draft ?? percent}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={commit}
          onKeyDown={(event) => event.key === 'Enter' && commit()}
        />
        %
      </span>
      <input
        id={id}
        type="range"
        min={0}
        max={most}
        step={1}
        value={percent}
        aria-valuetext={spoken}
        style={{ '--share': percent / most } as React.CSSProperties}
        onChange={(event) => onMove(Number(event.target.value))}
        onPointerUp={onRelease}
        onKeyUp={(event) => RELEASE_KEYS.has(event.key) && onRelease()}
      />
      <span className="sparsity-scale" aria-hidden="true">
        <span>0</span>
        <span>{most / 2}</span>
        <span>{most} %</span>
      </span>
    </div>
  );
}
