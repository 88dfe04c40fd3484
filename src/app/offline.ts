/** @file Lets the studio start without a network from the second visit on. Only the built app has the worker. */

/** After the page has what it needs itself: keeping the built-in model must not slow the first visit down. */
export function keepOffline(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const register = () => {
    // Private windows and pages without https refuse: then there is no offline, and nothing else is missing.
    navigator.serviceWorker.register('./service_worker.js').catch(() => undefined);
  };
  if (document.readyState === 'complete') register();
  else addEventListener('load', register, { once: true });
}
