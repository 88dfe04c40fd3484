/** @file Light, dark, or as the system has it. Kept between visits; a browser that refuses storage just forgets it. */
import type { Theme } from './store/settings.ts';

const KEY = 'whittle.theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export function loadTheme(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === stored) ?? 'system';
  } catch {
    return 'system';
  }
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Private windows may refuse storage: the choice then lasts as long as the page.
  }
}
