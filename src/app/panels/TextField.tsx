import { useId, useRef } from 'react';
import type { TextSource } from '../../engine/protocol.ts';

interface Props {
  label: string;
  source: TextSource;
  note?: string;
  onChange: (source: TextSource) => void;
}

/** The built-in text, or a file of one's own. */
export function TextField({ label, source, note, onChange }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const name = source.kind === 'file' ? source.file.name : source.kind === 'text' ? source.name : null;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={source.kind === 'demo' ? 'demo' : 'own'}
        onChange={(event) => {
          if (event.target.value === 'demo') onChange({ kind: 'demo' });
          else input.current?.click();
        }}
      >
        <option value="demo">Built-in prose</option>
        {name && <option value="own">{name}</option>}
        <option value="choose">Choose a text file…</option>
      </select>
      {note && <span className="field-note">{note}</span>}
      <input
        ref={input}
        type="file"
        accept=".txt,.md,.raw,.jsonl,text/*"
        hidden
        aria-label={`${label} file`}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (file) onChange({ kind: 'file', file });
        }}
      />
    </div>
  );
}
