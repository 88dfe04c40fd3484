/** @file Whether the person allows requests to the Hub at all. Off until they say so; kept between visits. */

const KEY = 'whittle.hub';
const ALLOWED = 'allowed';

export function loadHubConsent(): boolean {
  try {
    return localStorage.getItem(KEY) === ALLOWED;
  } catch {
    return false;
  }
}

export function saveHubConsent(isAllowed: boolean): void {
  try {
    if (isAllowed) localStorage.setItem(KEY, ALLOWED);
    else localStorage.removeItem(KEY);
  } catch {
    // Private windows may refuse storage: the choice then lasts as long as the page.
  }
}
