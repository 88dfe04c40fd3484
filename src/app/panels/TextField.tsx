import { useId, useRef } from 'react';
import type { TextKind } from '../../engine/plan.ts';
import type { TextSource } from '../../engine/protocol.ts';
import { builtInSource } from '../store/settings.ts';

interface Props {
  label: string;
  source: TextSource;
  note?: string;
  onChange: (source: TextSource) => void;
}

const KINDS: Readonly<Record<TextKind, string>> = {
  prose: 'Built-in prose',
  articles: 'Built-in articles',
  code: 'Built-in code',
  chat: 'Built-in chats',
};

/** A built-in text, or a file of one's own. */
export function TextField({ label, source, note, onChange }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const name = source.kind === 'file' ? source.file.name : source.kind === 'text' ? source.name : null;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={source.kind === 'demo' ? (source.of ?? 'prose') : 'own'}
        onChange={(event) => {
          const { value } = event.target;
          if (value in KINDS) onChange(builtInSource(value as TextKind));
          else input.current?.click();
        }}
      >
        {Object.entries(KINDS).map(([kind, label]) => (
          <option key={kind} value={kind}>
            {label}
          </option>
        ))}
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
