/** @file What a person types or pastes to name a model: `owner/name`, `owner/name@revision`, or the address of its page. */
import { WhittleError } from '../../errors/errors.ts';
import { endpointHost } from './endpoint.ts';

export interface HubReference {
  id: string;
  revision: string;
  /** A weights file, or a part of its name: what stands behind a colon. */
  file?: string;
}

const MAX_LENGTH = 500;
/** As the Hub allows them: no dots or dashes at an end, and none doubled. Models of the first years have no owner. */
const PART = /^(?!.*(?:\.\.|--))[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/;
const REVISION = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._/-]{0,200}$/;
const FORMS = '"owner/name", "owner/name@revision", or the address of a model page';

/** Throws `bad_option`. @param endpoint Addresses of its host, and of the Hub's, are taken. */
export function parseHubReference(text: string, endpoint: string): HubReference {
  const given = text.trim();
  if (given === '') throw refused('No model was named.');
  if (given.length > MAX_LENGTH) throw refused(`The name has ${given.length} characters.`);
  return isAddress(given) ? fromAddress(given, endpoint) : fromName(given.replace(/^hf:/, ''));
}

function isAddress(text: string): boolean {
  return /^(https?:\/\/|(www\.)?(huggingface\.co|hf\.co)\/)/i.test(text);
}

function fromName(text: string): HubReference {
  const match = /^([^@:]+)(?:@([^:]*))?(?::(.+))?$/.exec(text);
  if (!match) throw refused(`${quoted(text)} is not the name of a model.`);
  const [, id, revision = 'main', file] = match;
  return checked(id, revision, file, text);
}

function fromAddress(text: string, endpoint: string): HubReference {
  const address = /^https?:/i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(address)) throw refused(`${quoted(text)} is not an address.`);
  const url = new URL(address);
  const hosts = ['huggingface.co', 'www.huggingface.co', 'hf.co', endpointHost(endpoint)];
  if (!hosts.includes(url.host)) throw refused(`This address is at ${url.host}, not at ${endpointHost(endpoint)}.`);
  const parts = url.pathname.split('/').filter(Boolean).map(decoded);
  if (/^(datasets|spaces|docs|collections|papers|blog)$/.test(parts[0] ?? '')) {
    throw refused(`This address leads to ${parts[0]}, not to a model.`);
  }
  // A page's address goes on behind the name: /tree/REVISION, /blob/REVISION/PATH, /resolve/REVISION/PATH.
  const at = parts.findIndex((part, index) => index > 0 && /^(tree|blob|resolve|raw|commit)$/.test(part));
  const id = (at > 0 ? parts.slice(0, at) : parts.slice(0, 2)).join('/');
  const revision = (at > 0 && parts[at + 1]) || 'main';
  const path = at > 0 ? parts.slice(at + 2).join('/') : '';
  return checked(id, revision, /\.(gguf|safetensors)$/i.test(path) ? path : undefined, text);
}

function checked(id: string, revision: string, file: string | undefined, text: string): HubReference {
  const parts = id.split('/');
  if (parts.length > 2 || !parts.every((part) => PART.test(part))) {
    throw refused(`${quoted(text)} is not the name of a model.`);
  }
  if (!REVISION.test(revision)) throw refused(`${quoted(revision)} is not a revision.`);
  return { id, revision, file };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function refused(message: string): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message,
    allowed: FORMS,
    action: 'For example SmolLM2: HuggingFaceTB/SmolLM2-135M',
  });
}
