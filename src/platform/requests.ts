/**
 * @file Watches what a page or Worker fetches (invariant 7): the browser's own record, not ours. Every thread has a record
 * of its own, so each runs this.
 */

/** Only network addresses of another origin count; `blob:` and `data:` never leave the device. */
export function isOutside(url: string, origin: string): boolean {
  const parsed = URL.parse ? URL.parse(url, origin) : new URL(url, origin);
  return parsed !== null && /^(https?|wss?):$/.test(parsed.protocol) && parsed.host !== new URL(origin).host;
}

/** Reports addresses at other origins, from the start of this thread on. Returns how to stop. */
export function watchOutsideRequests(report: (urls: string[]) => void): () => void {
  const observer = new PerformanceObserver((list) => {
    const urls = list
      .getEntries()
      .map((entry) => entry.name)
      .filter((url) => isOutside(url, location.origin));
    if (urls.length > 0) report(urls);
  });
  observer.observe({ type: 'resource', buffered: true });
  return () => observer.disconnect();
}
