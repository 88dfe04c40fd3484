const KEYS: readonly [string, string][] = [
  ['O', 'Choose model files, while there are no runs'],
  ['T', 'Try the built-in model, while there are no runs'],
  ['S', 'Slice at the chosen sparsity'],
  ['W', 'Sweep 10, 20, 25, 30 %'],
  ['R', 'To the result and its export'],
  ['E', 'Export the sliced model'],
  ['Esc', 'Cancel the job'],
  ['Ctrl Z', 'Undo: settings, names and removed runs'],
  ['Ctrl ⇧ Z', 'Redo; Ctrl Y too'],
  ['← →', 'Sparsity by 1 %, with the slider focused'],
  ['← → ↑ ↓ L', 'Choose a site, change it, lock it: on Dimensions by site'],
  ['← → + − 0', 'Move, zoom, show all: on the timeline'],
  ['?', 'This list'],
];

export function Shortcuts() {
  return (
    <>
      <button
        type="button"
        className="quiet"
        popoverTarget="shortcuts"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
      >
        ?
      </button>
      <div id="shortcuts" className="popover" popover="auto">
        <h2>Keyboard</h2>
        <dl>
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </div>
    </>
  );
}
