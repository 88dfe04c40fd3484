/** @file What to do about an error, as the page says it: options of the headless command are of no use there. Pure. */

/** Without asides such as "(--seqlen)" and "or give --adapter", and without sentences about options. */
export function actionOnPage(action: string): string {
  return action
    .replace(/ \(--[a-z-]+\)|,? or give --[a-z-]+/g, '')
    .split(/(?<=[.?!]) /)
    .filter((sentence) => !/(?:^|\s)--[a-z]/.test(sentence))
    .join(' ');
}
