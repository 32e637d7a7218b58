import { NixpushError, type ErrorCode } from '../../base/errors.ts';
import { describeAttempt, type Attempt } from './network-error.ts';
import { safeText } from './safe-text.ts';

export interface ErrorAnswer extends Attempt {
  readonly status: number;
  readonly contentType: string | undefined;
  /** The first part of it is enough. */
  readonly body: Uint8Array;
  /** Where the credentials came from that were sent, if any were. */
  readonly credentialSource?: string | undefined;
  /** Never shown, should the server repeat them. */
  readonly secrets: readonly string[];
}

/** What a registry says went wrong (distribution-spec, error codes). */
interface OciError {
  readonly code: string;
  readonly message: string;
}

const DETAIL_LENGTH = 200;

/** `ghcr.io/x/demo: pushing a blob was denied (403 DENIED: permission_denied)`. */
export function registryError(answer: ErrorAnswer): NixpushError {
  const errors = ociErrors(answer.body);
  const first = errors[0];
  const detail = first === undefined ? plainDetail(answer) : safeOciError(first, answer.secrets);
  const { host, repository, status } = answer;
  const said = [String(status), detail].filter((part) => part !== '').join(' ');
  const hint = hintFor(answer, first?.code);
  return new NixpushError(codeFor(status), `${describeAttempt(answer)} ${outcome(answer)} (${said})`, {
    host,
    ...(repository === undefined ? {} : { repository }),
    status,
    ...(detail === '' ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function codeFor(status: number): ErrorCode {
  switch (status) {
    case 401:
      return 'ERR_UNAUTHORIZED';
    case 403:
      return 'ERR_DENIED';
    case 404:
      return 'ERR_NOT_FOUND';
    default:
      return 'ERR_REGISTRY';
  }
}

function outcome({ status, credentialSource }: ErrorAnswer): string {
  if (status === 401) return credentialSource === undefined ? 'needs credentials' : 'was refused';
  if (status === 403) return 'was denied';
  return 'failed';
}

/** The errors of an OCI error body that have the right form; none if it is anything else. */
function ociErrors(body: Uint8Array): OciError[] {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return [];
  }
  const { errors } = (document ?? {}) as { errors?: unknown };
  if (!Array.isArray(errors)) return [];
  return errors
    .slice(0, 10)
    .map((error: unknown) => (error ?? {}) as Record<string, unknown>)
    .filter(({ code, message }) => typeof code === 'string' || typeof message === 'string')
    .map(({ code, message }) => ({
      code: typeof code === 'string' ? code : '',
      message: typeof message === 'string' ? message : '',
    }));
}

function safeOciError({ code, message }: OciError, secrets: readonly string[]): string {
  const parts = [code, message].filter((part) => part !== '');
  return safeText(parts.join(': '), DETAIL_LENGTH, secrets);
}

function plainDetail({ body, contentType, secrets }: ErrorAnswer): string {
  const text = Buffer.from(body).toString('utf8');
  const html = (contentType ?? '').includes('html') || /^\s*<(!doctype|html)/i.test(text);
  const readable = html
    ? text.replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ')
    : text;
  return safeText(readable, DETAIL_LENGTH, secrets);
}

function hintFor(answer: ErrorAnswer, code: string | undefined): string | undefined {
  const { host, repository, status, credentialSource } = answer;
  switch (status) {
    case 401:
      return credentialSource === undefined
        ? `Log in first: nixpush login ${host}; the logins of docker, podman and skopeo are used too.`
        : `The credentials from ${credentialSource} are not accepted for this; log in again: nixpush login ${host}.`;
    case 403:
      return credentialSource === undefined
        ? `Log in first: nixpush login ${host}; the logins of docker, podman and skopeo are used too.`
        : `Ask for the right to do this, or use other credentials than those from ${credentialSource}.`;
    case 404:
      return code === 'NAME_UNKNOWN' ? missingRepositoryHint(host, repository) : undefined;
    case 413:
      return 'A proxy or the registry limits the size of requests; try a smaller --chunk-size.';
    case 429:
      return `${host} limits the rate of requests; wait longer with --max-wait, or log in for a higher limit.`;
    default:
      return undefined;
  }
}

function missingRepositoryHint(host: string, repository = ''): string {
  if (/\.dkr\.ecr\..*amazonaws\.com/.test(host)) {
    return `Create it first: aws ecr create-repository --repository-name ${repository}`;
  }
  return 'Check the name; some registries want the repository or its project to be created first.';
}
