/** @file Reads the Hub's answer about a model: which commit, which files, how large, with which hashes. */
import * as v from 'valibot';
import { WhittleError } from '../../errors/errors.ts';
import { chooseFiles } from './choices.ts';
import { endpointHost, pageUrl } from './endpoint.ts';
import type { HubFile, HubListing } from './types.ts';

/** Real repositories have tens of files, a few have thousands. */
const MAX_FILES = 20_000;
/** The Hub keeps files beyond 10 MB in large-file storage; a git hash needs the whole file at once. */
const MAX_GIT_BYTES = 64_000_000;

const Size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Hex = (digits: number) =>
  v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} hex digits`));

const Sibling = v.object({
  rfilename: v.pipe(v.string(), v.minLength(1), v.maxLength(1000)),
  size: v.nullish(Size),
  blobId: v.nullish(v.string()),
  lfs: v.nullish(v.object({ sha256: v.nullish(Hex(64)), oid: v.nullish(Hex(64)), size: v.nullish(Size) })),
});

const Answer = v.object({
  id: v.pipe(v.string(), v.maxLength(200)),
  sha: Hex(40),
  gated: v.nullish(v.union([v.boolean(), v.string()])),
  private: v.nullish(v.boolean()),
  disabled: v.nullish(v.boolean()),
  siblings: v.pipe(v.array(Sibling), v.maxLength(MAX_FILES)),
  config: v.nullish(
    v.looseObject({ architectures: v.nullish(v.array(v.string())), model_type: v.nullish(v.string()) }),
  ),
  cardData: v.nullish(v.looseObject({ license: v.nullish(v.union([v.string(), v.array(v.string())])) })),
});

/** Throws `hub_failed` for an answer that makes no sense, `hub_login_needed`, and `not_a_model` without usable weights. */
export function readListing(json: unknown, endpoint: string, revision: string): HubListing {
  const result = v.safeParse(Answer, json, { abortEarly: true });
  if (!result.success) throw nonsense(endpoint, issueText(result.issues[0]));
  const { id, sha, gated, siblings, config, cardData, disabled } = result.output;
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(id) || id.includes('..'))
    throw nonsense(endpoint, `its id is ${JSON.stringify(id)}`);
  if (gated) throw gatedModel(endpoint, id);
  if (disabled) {
    throw new WhittleError({
      code: 'hub_not_found',
      message: `The Hub has disabled ${id}.`,
      action: 'Choose another model.',
    });
  }
  const files = siblings.filter(({ rfilename }) => isPlainPath(rfilename)).map((sibling) => fileOf(sibling));
  const license = cardData?.license;
  return {
    endpoint,
    id,
    revision,
    commit: sha,
    license: Array.isArray(license) ? license.join(', ') : (license ?? undefined),
    architecture: config?.architectures?.[0] ?? config?.model_type ?? undefined,
    choices: chooseFiles(id, files).map((choice) => {
      const unchecked = choice.files.find(
        ({ bytes, sha256, git_sha1 }) => !sha256 && !(git_sha1 && bytes <= MAX_GIT_BYTES),
      );
      return unchecked ? { ...choice, problem: `The Hub gives no size or SHA-256 for ${unchecked.path}.` } : choice;
    }),
  };
}

export function gatedModel(endpoint: string, id: string): WhittleError {
  return new WhittleError({
    code: 'hub_login_needed',
    message: `${id} asks people to log in and accept its terms before they download it.`,
    allowed: 'models that anyone may download: Whittle takes no passwords and no tokens',
    action: `Download it from ${pageUrl(endpoint, id)} while logged in, then drop the folder here.`,
  });
}

function fileOf({ rfilename, size, blobId, lfs }: v.InferOutput<typeof Sibling>): HubFile {
  const bytes = lfs?.size ?? size;
  const sha256 = lfs?.sha256 ?? lfs?.oid ?? undefined;
  const git = !lfs && blobId && /^[0-9a-f]{40}$/.test(blobId) ? blobId : undefined;
  // Without a size nothing can be checked: such a file counts as one without a hash.
  if (bytes == null) return { path: rfilename, bytes: 0 };
  return sha256 ? { path: rfilename, bytes, sha256 } : { path: rfilename, bytes, git_sha1: git };
}

/** Paths that could leave their folder, or that no file system takes, are none of a model's. */
function isPlainPath(path: string): boolean {
  const isPlain = (part: string) => part !== '' && !part.startsWith('.') && part.length <= 200;
  return path.split('/').every(isPlain) && /^[^\p{Cc}\\]+$/u.test(path);
}

function issueText(issue: v.BaseIssue<unknown>): string {
  const key = v.getDotPath(issue as never);
  return key ? `${key} is ${JSON.stringify(issue.input)?.slice(0, 60) ?? 'missing'}` : issue.message;
}

function nonsense(endpoint: string, what: string): WhittleError {
  return new WhittleError({
    code: 'hub_failed',
    message: `${endpointHost(endpoint)} gave an answer that Whittle cannot read: ${what}.`,
    action: 'Try again later. If it stays so, download the model in the browser and drop the folder here.',
  });
}
