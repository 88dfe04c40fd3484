import { useState } from 'react';

/** Puts a text into the clipboard, and says so. `what`: for screen readers, which hear several. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<'idle' | 'copied' | 'refused'>('idle');
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState('copied'),
      () => setState('refused'),
    );
  return (
    <button
      type="button"
      className="link copy"
      title={state === 'refused' ? 'The browser did not allow it: select the text' : undefined}
      onClick={() => void copy()}
      onBlur={() => setState('idle')}
    >
      {state === 'copied' ? 'Copied' : state === 'refused' ? 'Not copied' : 'Copy'}
      <span className="visually-hidden"> {what}</span>
    </button>
  );
}
