/** @file What the badge in the header opens. */
export const CAPABILITIES_ID = 'capabilities';

export function openCapabilities(): void {
  const panel = document.getElementById(CAPABILITIES_ID);
  if (!(panel instanceof HTMLDetailsElement)) return;
  panel.open = true;
  panel.scrollIntoView({ block: 'nearest' });
  panel.querySelector('summary')?.focus();
}
