/**
 * @file Where the Hub is, and the addresses of its files. A page never takes the endpoint from its own address: a link must
 * not be able to send a download elsewhere. Whoever serves the app can name a mirror in a `<meta>` of the page.
 */
import { WhittleError } from '../../errors/errors.ts';

export const HUB_ENDPOINT = 'https://huggingface.co';

/** The Hub and the file hosts that it sends a download to, as sources of a Content-Security-Policy. */
export const HUB_SOURCES = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'] as const;

/** Name of the `<meta>` that holds another endpoint. */
export const HUB_META = 'whittle-hub';

/** The endpoint of this page: the Hub, unless the page was served with another. */
export function pageEndpoint(page: Pick<Document, 'querySelector'> = document): string {
  const content = page.querySelector(`meta[name="${HUB_META}"]`)?.getAttribute('content');
  return content ? checkEndpoint(content) : HUB_ENDPOINT;
}

/** Origin and path without a slash at the end. Throws `bad_option`. */
export function checkEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  const isWeb = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  if (!url || !isWeb || url.search || url.hash || url.username) {
    throw new WhittleError({
      code: 'bad_option',
      message: `The Hub's address is ${JSON.stringify(text)}.`,
      allowed: 'an https address, or http on this machine, without a query',
    });
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** For people: which host is asked. */
export function endpointHost(endpoint: string): string {
  return new URL(endpoint).host;
}

/** The model's files with sizes and hashes, at a branch, tag or commit. */
export function listingUrl(endpoint: string, id: string, revision: string): string {
  return `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
}

/** One file of a commit; the Hub redirects large ones to a file host. */
export function fileUrl(endpoint: string, id: string, commit: string, path: string): string {
  return `${endpoint}/${id}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** The page of a model, for a person to open. */
export function pageUrl(endpoint: string, id: string): string {
  return `${endpoint}/${id}`;
}
