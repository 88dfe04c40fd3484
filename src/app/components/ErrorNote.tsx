import { type ReactNode, useState } from 'react';
import { type ErrorData, formatError } from '../../errors/errors.ts';
import { actionOnPage } from '../store/action_text.ts';

interface Props {
  error: ErrorData;
  title: string;
  /** What one press can do about it. */
  children?: ReactNode;
}

/** What, where, why, what now; with the whole of it to copy. */
export function ErrorNote({ error, title, children }: Props) {
  const action = actionOnPage(error.action ?? '');
  const [isCopied, setCopied] = useState(false);
  const { file, tensor, line, field, layer } = error.place;
  const numbered = (what: string, value?: number) => (value !== undefined ? `${what} ${value}` : undefined);
  const places = [file, tensor, numbered('line', line), field, numbered('layer', layer)].filter(Boolean);
  async function copy() {
    await navigator.clipboard.writeText(
      `${title}\n${formatError(error)}\n${JSON.stringify(error, null, 2)}\n${navigator.userAgent}`,
    );
    setCopied(true);
  }
  return (
    <div className="error-note" role="alert">
      <p className="error-title">{title}</p>
      <p>{error.message}</p>
      {places.length > 0 && <p className="error-place">{places.join(' · ')}</p>}
      {error.allowed && <p className="muted">Allowed: {error.allowed}</p>}
      {action && <p className="error-action">{action}</p>}
      {children}
      <p className="error-foot">
        <code>{error.code}</code>
        <button type="button" className="link" onClick={() => void copy().catch(() => setCopied(false))}>
          {isCopied ? 'Copied' : 'Copy details'}
        </button>
      </p>
    </div>
  );
}
