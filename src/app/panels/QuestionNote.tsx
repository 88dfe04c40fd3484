import { type KeyboardEvent, useEffect, useId, useRef } from 'react';
import { answer } from '../actions/ask.ts';
import type { Question } from '../store/question.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** Asks above the job bar. Not modal: the page stays usable, and the job goes on, until there is an answer. */
export function QuestionNote() {
  const question = useStudioState((state) => state.question);
  // A new question is a new dialog, which takes the focus again.
  return question ? <OpenQuestion key={question.title} question={question} /> : null;
}

function OpenQuestion({ question }: { question: Question }) {
  const studio = useStudio();
  const dialog = useRef<HTMLDialogElement>(null);
  const [title, lines] = [useId(), useId()];
  useEffect(() => {
    const before = document.activeElement;
    const element = dialog.current;
    // Gives the focus to the element with autofocus, which is the answer that changes nothing.
    element?.show();
    return () => {
      const hadFocus = element?.contains(document.activeElement) || document.activeElement === document.body;
      if (hadFocus && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== 'Escape') return;
    // This Escape belongs to the question, not to the job that runs.
    event.preventDefault();
    answer(studio, null);
  }
  return (
    <dialog ref={dialog} className="question" aria-labelledby={title} aria-describedby={lines} onKeyDown={onKeyDown}>
      <p className="question-title" id={title}>
        {question.title}
      </p>
      <div id={lines}>
        {question.lines.map((line) => (
          <p key={line}>{line}</p>
        ))}
      </div>
      <div className="question-answers">
        {/* biome-ignore lint/a11y/noAutofocus: a dialog takes the focus, and the harmless answer is where it belongs */}
        <button type="button" autoFocus onClick={() => answer(studio, null)}>
          {question.refusal}
        </button>
        {question.answers.map(({ value, label, is_final }) => (
          <button
            key={value}
            type="button"
            className={is_final ? 'final' : undefined}
            onClick={() => answer(studio, value)}
          >
            {label}
          </button>
        ))}
      </div>
    </dialog>
  );
}
