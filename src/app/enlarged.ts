/**
 * @file The page enlarges itself on wide displays (`--enlarged` in `styles/base.css`). The window tells pointers and boxes in
 * its own pixels then, and what the page lays out and draws counts in larger ones.
 */

/** Pixels of the window that one of the page is long: 1 up to a width of 2520. */
export function enlargement(): number {
  const { body } = document;
  return body.getBoundingClientRect().width / body.offsetWidth || 1;
}

/** Where the pointer is within an element, in the page's pixels. */
export function pointerIn(
  element: Element,
  { clientX, clientY }: { clientX: number; clientY: number },
): { x: number; y: number } {
  const { left, top } = element.getBoundingClientRect();
  const scale = enlargement();
  return { x: (clientX - left) / scale, y: (clientY - top) / scale };
}
