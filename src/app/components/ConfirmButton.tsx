import { useState } from 'react';

interface Props {
  label: string;
  /** Accessible name, where the label alone does not say of what. */
  name?: string;
  /** Stands in the button after the first press; a second press means yes. */
  question: string;
  /** What the second press does, in a word; "delete" unless given. */
  deed?: string;
  /** Quiet among other things, unless it stands as a button of its own. */
  isPlain?: boolean;
  disabled?: boolean;
  title?: string;
  onConfirm: () => void;
}

/** Asks in place: a second press confirms, Escape or leaving the button takes the question back. */
export function ConfirmButton({
  label,
  name,
  question,
  deed = 'delete',
  isPlain = false,
  disabled,
  title,
  onConfirm,
}: Props) {
  const [isAsking, setAsking] = useState(false);
  return (
    <button
      type="button"
      className={isAsking ? 'confirm' : isPlain ? undefined : 'quiet'}
      aria-label={isAsking ? `${name ?? label}: press again to ${deed}` : name}
      disabled={disabled}
      title={title}
      onBlur={() => setAsking(false)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isAsking) return;
        setAsking(false);
        // This Escape belongs to the question, not to the job that runs.
        event.preventDefault();
      }}
      onClick={() => {
        setAsking(!isAsking);
        if (isAsking) onConfirm();
      }}
    >
      {isAsking ? question : label}
    </button>
  );
}
