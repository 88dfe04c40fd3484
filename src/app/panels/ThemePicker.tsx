import type { Theme } from '../store/settings.ts';
import { changeSettings } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { applyTheme } from '../theme.ts';

const CHOICES: readonly { theme: Theme; label: string; icon: string }[] = [
  { theme: 'system', label: 'System theme', icon: 'M2 3H14V11H2ZM5.5 13.5H10.5' },
  {
    theme: 'light',
    label: 'Light theme',
    icon: 'M8 5A3 3 0 1 1 7.99 5M8 1V2.4M8 13.6V15M1 8H2.4M13.6 8H15M3 3L4 4M12 12L13 13M13 3L12 4M4 12L3 13',
  },
  { theme: 'dark', label: 'Dark theme', icon: 'M13.5 9.8A6 6 0 1 1 6.2 2.5A4.8 4.8 0 0 0 13.5 9.8Z' },
];

export function ThemePicker() {
  const { store } = useStudio();
  const chosen = useStudioState((state) => state.settings.theme);
  function choose(theme: Theme) {
    changeSettings(store, { theme });
    applyTheme(theme);
  }
  return (
    <fieldset className="segmented segmented-icons">
      <legend className="visually-hidden">Theme</legend>
      {CHOICES.map(({ theme, label, icon }) => (
        <label key={theme} title={label}>
          <input type="radio" name="theme" checked={chosen === theme} onChange={() => choose(theme)} />
          <span>
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
              <path d={icon} fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" />
            </svg>
            <span className="visually-hidden">{label}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
